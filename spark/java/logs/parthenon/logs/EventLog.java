package parthenon.logs;

import java.io.File;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkEnv$;
import org.apache.spark.SparkFirehoseListener;
import org.apache.spark.memory.MemoryManager;
import org.apache.spark.scheduler.EventLoggingListener;
import org.apache.spark.scheduler.ReplayListenerBus;
import org.apache.spark.scheduler.SchedulerBackend;
import org.apache.spark.scheduler.SparkListenerApplicationStart;
import org.apache.spark.scheduler.SparkListenerBlockManagerAdded;
import org.apache.spark.scheduler.SparkListenerEnvironmentUpdate;
import org.apache.spark.scheduler.SparkListenerEvent;
import org.apache.spark.scheduler.SparkListenerExecutorAdded;
import org.apache.spark.scheduler.SparkListenerResourceProfileAdded;
import org.apache.spark.scheduler.cluster.ExecutorInfo;
import org.apache.spark.scheduler.local.LocalSchedulerBackend;
import org.apache.spark.status.api.v1.ExecutorSummary;
import org.apache.spark.status.api.v1.MemoryMetrics;
import org.apache.spark.storage.BlockManagerId;
import org.apache.spark.storage.BlockManagerId$;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Option;
import scala.collection.JavaConverters;
import scala.collection.immutable.Map;
import scala.collection.immutable.Map$;

/**
 * The event log of a session, by Spark's own writer, for Spark's own History Server.
 *
 * `spark.eventLog.enabled` has a SparkContext begin its log when it is made. A session's may have been made before anybody
 * knew of the session: such a log would bear another id and name, and other properties. This one begins when the session
 * opens, by what a log begins with, and takes what the context tells from then on. What takes time is done in a thread of
 * its own: until the log is open, events wait in the queue that Spark keeps for event logs.
 */
public class EventLog extends SparkFirehoseListener implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(EventLog.class);
    /** Spark's smallest. A file that is full can go to S3, and then from this disk. */
    private static final String FILE_SIZE = "10m";
    private static final List OPEN = new ArrayList();

    private final SparkContext context;
    private final String id;
    private final File folder;
    private final SparkConf conf;
    private final long openedAt = System.currentTimeMillis();
    private final Thread thread = new Thread(this, "event-log");
    /** Dispatches to the writer by the kind of event; null once there is no writing. */
    private ReplayListenerBus writers;
    private EventLoggingListener writer;
    private boolean begun;

    private EventLog(SparkContext context, String id, File folder) {
        this.context = context;
        this.id = id;
        this.folder = folder;
        this.conf = context.conf().clone()
            .set("spark.eventLog.rolling.enabled", "true")
            .set("spark.eventLog.rolling.maxFileSize", FILE_SIZE)
            .set("spark.eventLog.compress", "true")
            .set("spark.eventLog.compression.codec", "zstd");
    }

    /**
     * Begins the log of a session; it ends with the context.
     *
     * @param id the session's, which the log gives as the application's
     * @param folder exists; `eventlog_v2_<id>` is made in it
     */
    public static void open(SparkContext context, String id, String folder) {
        EventLog log = new EventLog(context, id, new File(folder));
        context.listenerBus().addToEventLogQueue(log);
        synchronized (OPEN) {
            OPEN.add(log);
        }
        log.thread.setDaemon(true);
        log.thread.start();
    }

    /** Returns when the logs of contexts that have ended are whole. */
    public static void awaitClosed() throws InterruptedException {
        List logs;
        synchronized (OPEN) {
            logs = new ArrayList(OPEN);
        }
        for (int at = 0; at < logs.size(); at++) {
            EventLog log = (EventLog) logs.get(at);
            if (log.context.isStopped()) {
                log.thread.join();
            }
        }
    }

    public void run() {
        try {
            begin();
            // With the last of the context's parts; its listeners have been told everything then.
            context.env().rpcEnv().awaitTermination();
        } finally {
            close();
            synchronized (OPEN) {
                OPEN.remove(this);
            }
        }
    }

    public synchronized void onEvent(SparkListenerEvent event) {
        begin();
        if (writers != null) {
            writers.postToAll(event);
        }
    }

    private synchronized void begin() {
        if (begun) {
            return;
        }
        begun = true;
        try {
            writer = new EventLoggingListener(id, Option.empty(), folder.toURI(), conf, context.hadoopConfiguration());
            writer.start();
            writers = new ReplayListenerBus();
            writers.addListener(writer);
            tellWhatIsThere();
        } catch (Exception problem) {
            writers = null;
            LOG.warn("The event log of session " + id + " could not be begun", problem);
        }
    }

    private synchronized void close() {
        if (writers == null) {
            return;
        }
        writers = null;
        try {
            writer.stop();
        } catch (Exception problem) {
            LOG.warn("The event log of session " + id + " could not be closed", problem);
        }
    }

    /** What Spark tells of a context that it makes; here of one that runs. */
    private void tellWhatIsThere() {
        Option none = Option.empty();
        writers.postToAll(new SparkListenerResourceProfileAdded(context.resourceProfileManager().defaultResourceProfile()));
        writers.postToAll(new SparkListenerApplicationStart(
            context.conf().get("spark.app.name"), Option.apply(id), openedAt, context.sparkUser(), none, none, none));
        BlockManagerId own = context.env().blockManager().blockManagerId();
        MemoryManager memory = context.env().memoryManager();
        tellBlockManager(own, memory.maxOnHeapStorageMemory(), memory.maxOffHeapStorageMemory());
        writers.postToAll(new SparkListenerEnvironmentUpdate(SparkEnv$.MODULE$.environmentDetails(
            context.conf(), context.hadoopConfiguration(), context.getSchedulingMode().toString(),
            context.allAddedJars().keys().toSeq(), context.allAddedFiles().keys().toSeq(),
            context.allAddedArchives().keys().toSeq(), emptyMap())));
        SchedulerBackend backend = context.schedulerBackend();
        if (backend instanceof LocalSchedulerBackend) {
            int cores = ((LocalSchedulerBackend) backend).totalCores();
            tellExecutor(own.executorId(), own.host(), cores, emptyMap(), emptyMap(), emptyMap(), 0);
            return;
        }
        Iterator executors = JavaConverters.asJavaIterator(context.statusStore().executorList(true).iterator());
        while (executors.hasNext()) {
            tellRemote((ExecutorSummary) executors.next());
        }
    }

    private void tellRemote(ExecutorSummary executor) {
        if (executor.id().equals(context.env().executorId())) {
            return;
        }
        int colon = executor.hostPort().lastIndexOf(':');
        String host = executor.hostPort().substring(0, colon);
        int port = Integer.parseInt(executor.hostPort().substring(colon + 1));
        tellExecutor(executor.id(), host, executor.totalCores(), executor.executorLogs(), executor.attributes(), executor.resources(),
            executor.resourceProfileId());
        if (executor.memoryMetrics().isDefined()) {
            MemoryMetrics memory = (MemoryMetrics) executor.memoryMetrics().get();
            tellBlockManager(BlockManagerId$.MODULE$.apply(executor.id(), host, port, Option.empty()),
                memory.totalOnHeapStorageMemory(), memory.totalOffHeapStorageMemory());
        }
    }

    private void tellExecutor(String executor, String host, int cores, Map logs, Map attributes, Map resources, int profile) {
        writers.postToAll(new SparkListenerExecutorAdded(
            openedAt, executor, new ExecutorInfo(host, cores, logs, attributes, resources, profile)));
    }

    private void tellBlockManager(BlockManagerId manager, long onHeap, long offHeap) {
        writers.postToAll(new SparkListenerBlockManagerAdded(openedAt, manager, onHeap + offHeap,
            Option.apply(Long.valueOf(onHeap)), Option.apply(Long.valueOf(offHeap))));
    }

    private static Map emptyMap() {
        return Map$.MODULE$.empty();
    }
}
