package example.countdown;

import org.apache.spark.api.java.function.Function;
import org.apache.spark.sql.RowFactory;

/** Runs on executors. */
public class AsRow implements Function {
    public Object call(Object number) {
        return RowFactory.create(new Object[] {number});
    }
}
