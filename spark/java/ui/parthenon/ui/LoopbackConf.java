package parthenon.ui;

import org.apache.spark.SparkConf;
import scala.Tuple2;

/** A copy of a context's settings whose UI listens on the loopback interface: Spark reads the address from the environment alone. */
class LoopbackConf extends SparkConf {
    LoopbackConf(SparkConf conf) {
        super(false);
        Tuple2[] settings = conf.getAll();
        for (int at = 0; at < settings.length; at++) {
            set((String) settings[at]._1(), (String) settings[at]._2());
        }
    }

    public String getenv(String name) {
        return name.equals("SPARK_LOCAL_IP") ? "127.0.0.1" : super.getenv(name);
    }
}
