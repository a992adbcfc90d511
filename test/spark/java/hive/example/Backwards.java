package example;

import org.apache.hadoop.hive.ql.exec.UDF;

/** For `CREATE TEMPORARY FUNCTION`. */
public class Backwards extends UDF {
    public String evaluate(String text) {
        return new StringBuilder(text).reverse().toString();
    }
}
