package example.countdown;

import org.apache.spark.sql.SQLContext;
import org.apache.spark.sql.sources.BaseRelation;
import org.apache.spark.sql.sources.RelationProvider;
import scala.collection.immutable.Map;

/** `spark.read.format("example.countdown").option("from", "3")` */
public class DefaultSource implements RelationProvider {
    public BaseRelation createRelation(SQLContext context, Map options) {
        return new Countdown(context, Integer.parseInt((String) options.apply("from")));
    }
}
