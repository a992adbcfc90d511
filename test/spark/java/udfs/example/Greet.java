package example;

import org.apache.spark.sql.api.java.UDF1;

/** Needs a class of another jar. */
public class Greet implements UDF1 {
    public Object call(Object name) {
        return Words.GREETING + ", " + name;
    }
}
