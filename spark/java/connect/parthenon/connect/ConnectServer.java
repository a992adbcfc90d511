package parthenon.connect;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Map;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.connect.service.SparkConnectInterceptorRegistry$;
import org.apache.spark.sql.connect.service.SparkConnectService;
import org.apache.spark.sql.connect.service.SparkConnectService$;
import org.sparkproject.connect.grpc.netty.NettyServerBuilder;
import parthenon.ui.Dashboard;

/**
 * Spark Connect in a session's JVM, over the SparkContext that is there.
 *
 * What Spark's own plugin starts listens on every interface and takes everybody's calls; Spark 3.5.7 has no setting against
 * either. This one listens on the loopback interface, to those who know its secret; the rest is as
 * `SparkConnectService.start` does it.
 */
public class ConnectServer {
    private static final String LARGEST_MESSAGE = "spark.connect.grpc.maxInboundMessageSize";

    /** @return the port */
    public static int start(SparkContext context, String secret) throws Exception {
        SparkConnectService$ service = SparkConnectService$.MODULE$;
        // The threads that serve would inherit this thread's session, in place of the context's own.
        SparkSession.clearActiveSession();
        InetSocketAddress address = new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0);
        NettyServerBuilder builder = NettyServerBuilder.forAddress(address);
        builder.maxInboundMessageSize((int) context.conf().getSizeAsBytes(LARGEST_MESSAGE, "128m"));
        builder.addService(new SparkConnectService(false));
        SparkConnectInterceptorRegistry$.MODULE$.chainInterceptors(builder);
        // What is added last is asked first.
        builder.intercept(new SecretInterceptor(secret));
        service.server_$eq(builder.build().start());
        Method listenAndShow = service.getClass().getDeclaredMethod("createListenerAndUI", new Class[] {SparkContext.class});
        listenAndShow.setAccessible(true);
        listenAndShow.invoke(service, new Object[] {context});
        // By the context's settings there is no UI to show it in.
        Dashboard.addConnect(context);
        return service.localPort();
    }

    /**
     * Has functions of clients run by this Python. Spark Connect reads it from the JVM's environment, which was made before
     * the session was known, for each query anew.
     */
    public static void usePython(String python) throws Exception {
        Map environment = System.getenv();
        Field field = environment.getClass().getDeclaredField("m");
        field.setAccessible(true);
        ((Map) field.get(environment)).put("PYSPARK_PYTHON", python);
    }

    /** Whether a query of a client runs, be the client there or not. */
    public static boolean works() {
        return SparkConnectService$.MODULE$.listActiveExecutions().isRight();
    }
}
