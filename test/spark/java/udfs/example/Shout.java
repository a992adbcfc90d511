package example;

import org.apache.spark.sql.api.java.UDF1;

/** A function of Spark's own interface. */
public class Shout implements UDF1 {
    public Object call(Object text) {
        return text.toString().toUpperCase() + "!";
    }
}
