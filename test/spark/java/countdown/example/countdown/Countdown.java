package example.countdown;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.SQLContext;
import org.apache.spark.sql.sources.BaseRelation;
import org.apache.spark.sql.sources.TableScan;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** Rows with the numbers from `from` down to 1, in two partitions; executors make them by {@link AsRow}. */
public class Countdown extends BaseRelation implements TableScan {
    private final SQLContext context;
    private final int from;

    public Countdown(SQLContext context, int from) {
        this.context = context;
        this.from = from;
    }

    public SQLContext sqlContext() {
        return context;
    }

    public StructType schema() {
        return new StructType().add("left", DataTypes.IntegerType);
    }

    public RDD buildScan() {
        List numbers = new ArrayList();
        for (int number = from; number > 0; number--) {
            numbers.add(Integer.valueOf(number));
        }
        return JavaSparkContext.fromSparkContext(context.sparkContext()).parallelize(numbers, 2).map(new AsRow()).rdd();
    }
}
