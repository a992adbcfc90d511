package parthenon.ui;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.util.Collections;
import java.util.Date;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.SecurityManager;
import org.apache.spark.SecurityManager$;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.package$;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.connect.service.SparkConnectService$;
import org.apache.spark.sql.connect.ui.SparkConnectServerAppStatusStore;
import org.apache.spark.sql.connect.ui.SparkConnectServerTab;
import org.apache.spark.sql.execution.streaming.StreamExecution;
import org.apache.spark.sql.execution.streaming.StreamingQueryListenerBus;
import org.apache.spark.sql.execution.ui.SQLAppStatusStore;
import org.apache.spark.sql.execution.ui.SQLTab;
import org.apache.spark.sql.execution.ui.StreamingQueryStatusStore;
import org.apache.spark.sql.internal.SharedState;
import org.apache.spark.sql.streaming.StreamingQueryListener.QueryProgressEvent;
import org.apache.spark.sql.streaming.StreamingQueryListener.QueryStartedEvent;
import org.apache.spark.sql.streaming.StreamingQueryProgress;
import org.apache.spark.sql.streaming.ui.StreamingQueryStatusListener;
import org.apache.spark.sql.streaming.ui.StreamingQueryTab;
import org.apache.spark.status.ApplicationInfoWrapper;
import org.apache.spark.status.ElementTrackingStore;
import org.apache.spark.status.api.v1.ApplicationAttemptInfo;
import org.apache.spark.status.api.v1.ApplicationInfo;
import org.apache.spark.ui.SparkUI;
import org.apache.spark.ui.SparkUI$;
import org.apache.spark.ui.WebUITab;
import scala.Option;
import scala.collection.JavaConverters;

/**
 * The Spark UI of a SparkContext that was made without one.
 *
 * Spark keeps what it shows in any case (`AppStatusStore`), so that a UI that comes later shows all that was before. Of streaming queries
 * nobody keeps anything but the UI: those that run are told to it, those that have ended are not known.
 */
public class Dashboard {
    /** As Spark reads times: with three digits of a second, not more and not less. */
    private static final DateTimeFormatter TIME = new DateTimeFormatterBuilder().appendInstant(3).toFormatter();

    /** @param began when the session did, milliseconds since 1970; @return the port on the loopback interface */
    public static int start(SparkContext context, long began, String secret, String proof) throws Exception {
        // A cluster manager may have set it for a proxy of its own; links would lead there.
        System.clearProperty("spark.ui.proxyBase");
        SparkConf conf = new LoopbackConf(context.conf());
        conf.set("spark.ui.port", "0");
        conf.set("spark.ssl.ui.enabled", "false");
        // Runs a program of the JDK's, which collects all garbage first.
        conf.set("spark.ui.heapHistogramEnabled", "false");
        SecretFilter.guard(conf, secret, proof);
        // A context of the pool has got the session's properties, and its name, after Spark had noted those that it had.
        call(context, "postEnvironmentUpdate");
        noteApplication(context, began);
        SparkUI ui = SparkUI$.MODULE$.create(Option.apply(context), context.statusStore(), conf, securityOf(conf),
            context.appName(), "", began, package$.MODULE$.SPARK_VERSION());
        withoutKilling(ui);
        addSql(context, conf, ui);
        ui.setAppId(context.applicationId());
        ui.bind();
        ui.attachAllHandlers();
        // From now on the context's end is the UI's.
        set(SparkContext.class, context, "_ui", Option.apply(ui));
        addConnect(context);
        return ui.boundPort();
    }

    /** Adds the page of Spark Connect, where both that and the UI run. */
    public static void addConnect(SparkContext context) {
        if (context.ui().isDefined() && SparkConnectService$.MODULE$.listener() != null) {
            new SparkConnectServerTab(new SparkConnectServerAppStatusStore(context.statusStore().store()),
                (SparkUI) context.ui().get());
        }
    }

    private static void noteApplication(SparkContext context, long began) throws Exception {
        ApplicationInfo noted = context.statusStore().applicationInfo();
        ApplicationAttemptInfo attempt = (ApplicationAttemptInfo) noted.attempts().head();
        List attempts = Collections.singletonList(new ApplicationAttemptInfo(attempt.attemptId(), new Date(began),
            attempt.endTime(), attempt.lastUpdated(), attempt.duration(), attempt.sparkUser(), false, attempt.appSparkVersion()));
        // Under its id of before, by which Spark finds it.
        context.statusStore().store().write(new ApplicationInfoWrapper(new ApplicationInfo(noted.id(), context.appName(),
            noted.coresGranted(), noted.maxCores(), noted.coresPerExecutor(), noted.memoryPerExecutorMB(),
            JavaConverters.asScalaBuffer(attempts).toSeq())));
    }

    private static SecurityManager securityOf(SparkConf conf) {
        return new SecurityManager(conf, Option.empty(), SecurityManager$.MODULE$.$lessinit$greater$default$3());
    }

    /** Spark's links that end jobs need no POST: who may look could be made to end them. */
    private static void withoutKilling(SparkUI ui) throws Exception {
        set(SparkUI.class, ui, "killEnabled", Boolean.FALSE);
        scala.collection.Iterator tabs = ui.getTabs().iterator();
        while (tabs.hasNext()) {
            WebUITab tab = (WebUITab) tabs.next();
            if (tab.prefix().equals("jobs") || tab.prefix().equals("stages")) {
                set(tab.getClass(), tab, "killEnabled", Boolean.FALSE);
            }
        }
    }

    private static void addSql(SparkContext context, SparkConf conf, SparkUI ui) {
        ElementTrackingStore store = (ElementTrackingStore) context.statusStore().store();
        Option session = SparkSession.getDefaultSession();
        if (session.isDefined()) {
            SharedState shared = ((SparkSession) session.get()).sharedState();
            new SQLTab(shared.statusStore(), ui);
            addStreaming(context, shared, new StreamingQueryStatusListener(conf, store));
        } else {
            new SQLTab(new SQLAppStatusStore(store, Option.empty()), ui);
        }
        new StreamingQueryTab(new StreamingQueryStatusStore(store), ui);
    }

    private static void addStreaming(SparkContext context, SharedState shared, StreamingQueryStatusListener listener) {
        // Without a bus of its own it hears of the queries of all sessions, as in the History Server.
        StreamingQueryListenerBus bus = new StreamingQueryListenerBus(Option.empty());
        bus.addListener(listener);
        context.listenerBus().addToStatusQueue(bus);
        Iterator queries = shared.activeStreamingQueries().values().iterator();
        while (queries.hasNext()) {
            StreamExecution query = (StreamExecution) queries.next();
            StreamingQueryProgress[] progress = query.recentProgress();
            String since = progress.length > 0 ? progress[0].timestamp() : TIME.format(Instant.now());
            listener.onQueryStarted(new QueryStartedEvent(query.id(), query.runId(), query.name(), since));
            for (int at = 0; at < progress.length; at++) {
                listener.onQueryProgress(new QueryProgressEvent(progress[at]));
            }
        }
    }

    private static void call(Object target, String name) throws Exception {
        Method method = target.getClass().getDeclaredMethod(name, new Class[0]);
        method.setAccessible(true);
        method.invoke(target, new Object[0]);
    }

    private static void set(Class owner, Object target, String name, Object value) throws Exception {
        Field field = owner.getDeclaredField(name);
        field.setAccessible(true);
        field.set(target, value);
    }
}
