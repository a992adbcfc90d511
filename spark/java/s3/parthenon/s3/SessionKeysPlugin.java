package parthenon.s3;

import java.io.IOException;
import java.util.Collections;
import java.util.Map;
import org.apache.spark.SparkContext;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.PluginContext;
import org.apache.spark.api.plugin.SparkPlugin;

/**
 * The way of the session's keys to executors in other processes, by Spark's own messages: what a configuration brings to an executor once
 * would end there. `spark.plugins` of sessions on a cluster.
 */
public final class SessionKeysPlugin implements SparkPlugin {
    static final String QUESTION = "keys";

    public DriverPlugin driverPlugin() {
        return new InDriver();
    }

    public ExecutorPlugin executorPlugin() {
        return new InExecutor();
    }

    private static final class InDriver implements DriverPlugin {
        private String file;

        public Map init(SparkContext context, PluginContext plugin) {
            file = context.getConf().get("spark.hadoop." + SessionCredentialsProvider.FILE);
            return Collections.emptyMap();
        }

        public Object receive(Object message) throws IOException {
            return SessionKeys.text(file);
        }
    }

    private static final class InExecutor implements ExecutorPlugin {
        public void init(PluginContext plugin, Map extra) {
            SessionKeys.askBy(plugin);
        }
    }
}
