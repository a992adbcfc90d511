import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import org.apache.spark.SecurityManager;
import org.apache.spark.SecurityManager$;
import org.apache.spark.SparkConf;
import org.apache.spark.deploy.history.FsHistoryProvider;
import org.apache.spark.deploy.history.HistoryServer;
import parthenon.ui.SecretFilter;
import scala.Option;

/**
 * Spark's History Server, with a main of our own: Spark's outlives a parent that was killed, and reads secrets from files.
 *
 * Run from source by Janino, the compiler that Spark ships, which knows no lambdas and erases generics. The first line of its standard
 * input is the secret, the second the proof (`SecretFilter`); it prints `listening <port>` once it serves. Each line from then on is
 * an application whose log has been put into `logs`: `known <id>` is printed when it can be shown, `unknown <id>` when it cannot. It
 * ends when its standard input does. SPARK_LOCAL_IP in its environment says where it listens.
 */
public class History {
    private static final long PATIENCE_MILLIS = 60000;
    private static final long LOOK_MILLIS = 50;

    public static void main(String[] arguments) throws Exception {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        SparkConf conf = settings(System.getProperty("parthenon.folder"));
        SecretFilter.guard(conf, input.readLine(), input.readLine());
        final FsHistoryProvider provider = new FsHistoryProvider(conf);
        SecurityManager security =
            new SecurityManager(conf, Option.empty(), SecurityManager$.MODULE$.$lessinit$greater$default$3());
        HistoryServer server = new HistoryServer(conf, provider, security, 0);
        server.bind();
        provider.start();
        System.out.println("listening " + server.boundPort());
        try {
            for (String id = input.readLine(); id != null; id = input.readLine()) {
                System.out.println((knows(provider, id) ? "known " : "unknown ") + id);
            }
        } catch (IOException closed) {
            // as good as its end
        }
        System.exit(0);
    }

    private static SparkConf settings(String folder) {
        return new SparkConf(false)
            .set("spark.history.fs.logDirectory", "file:" + folder + "/logs")
            // It looks when it is told to.
            .set("spark.history.fs.update.interval", "365d")
            // What it shows lies on disk: an application of millions of tasks would not fit into the memory that it has.
            .set("spark.history.store.path", folder + "/store")
            .set("spark.history.store.maxDiskUsage", "4g")
            .set("spark.history.retainedApplications", "10")
            .set("spark.ui.heapHistogramEnabled", "false");
    }

    private static boolean knows(FsHistoryProvider provider, String id) throws InterruptedException {
        long deadline = System.currentTimeMillis() + PATIENCE_MILLIS;
        while (!provider.getApplicationInfo(id).isDefined()) {
            if (System.currentTimeMillis() > deadline) {
                return false;
            }
            // Reads what is new in threads of its own.
            provider.checkForLogs();
            Thread.sleep(LOOK_MILLIS);
        }
        return true;
    }
}
