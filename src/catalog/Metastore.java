import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.io.FileUtils;
import org.apache.hadoop.hive.conf.HiveConf;
import org.apache.hadoop.hive.metastore.HiveMetaStore;
import org.apache.hadoop.hive.metastore.IHMSHandler;
import org.apache.hadoop.hive.metastore.ObjectStore;
import org.apache.hadoop.hive.metastore.TServerSocketKeepAlive;
import org.apache.hadoop.hive.metastore.TSetIpAddressProcessor;
import org.apache.hadoop.hive.metastore.txn.TxnDbUtil;
import org.apache.hadoop.hive.metastore.txn.TxnStore;
import org.apache.hadoop.hive.metastore.txn.TxnUtils;
import org.apache.thrift.TProcessor;
import org.apache.thrift.protocol.TBinaryProtocol;
import org.apache.thrift.protocol.TProtocol;
import org.apache.thrift.server.ServerContext;
import org.apache.thrift.server.TServer;
import org.apache.thrift.server.TServerEventHandler;
import org.apache.thrift.server.TThreadPoolServer;
import org.apache.thrift.transport.TServerSocket;
import org.apache.thrift.transport.TTransport;

/**
 * The Hive metastore's service, with a main of our own: Hive 2.3's listens on every address of the machine, makes tables
 * while clients already use it, and outlives a parent that was killed.
 *
 * Run from source by Janino, the compiler that Spark ships, which knows no lambdas and erases generics:
 * `java -cp … org.codehaus.janino.SimpleCompiler Metastore.java Metastore`. Its settings are hive-site.xml and
 * core-site.xml on the class path. It prints `ready` once clients are served, and ends when its standard input does. A line there is a
 * folder, into which Derby's database is copied while it is used: `copied` is printed then, or `not copied: ` and why.
 */
public class Metastore {
    /** What clients may send in one message; Hive's own default. */
    private static final long LONGEST_MESSAGE = 100L * 1024 * 1024;

    private static final long LOCK_CHECK_MILLIS = 10000;

    /** Of src/catalog/database.ts. */
    private static final Pattern DERBY = Pattern.compile("jdbc:derby:;databaseName=([^;]+);create=true");

    /** Hive's own model, all of which the service may ask for. */
    private static final String[] MODEL = {
        "MDatabase", "MFieldSchema", "MType", "MTable", "MConstraint", "MSerDeInfo", "MOrder", "MColumnDescriptor",
        "MStringList", "MStorageDescriptor", "MPartition", "MIndex", "MRole", "MRoleMap", "MGlobalPrivilege",
        "MDBPrivilege", "MTablePrivilege", "MPartitionPrivilege", "MTableColumnPrivilege", "MPartitionColumnPrivilege",
        "MPartitionEvent", "MMasterKey", "MDelegationToken", "MTableColumnStatistics", "MPartitionColumnStatistics",
        "MVersionTable", "MResourceUri", "MFunction", "MNotificationLog", "MNotificationNextId",
    };

    public static void main(String[] arguments) throws Exception {
        endWithParent();
        try {
            serve(new HiveConf(HiveMetaStore.class));
        } catch (Throwable error) {
            error.printStackTrace();
            System.exit(1);
        }
    }

    /** The server holds the other end of standard input: however it goes, its metastore goes as well. */
    private static void endWithParent() {
        Thread watch = new Thread("parent") {
            public void run() {
                try {
                    BufferedReader folders = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
                    for (String folder = folders.readLine(); folder != null; folder = folders.readLine()) {
                        System.out.println(copyDerby(folder));
                    }
                } catch (IOException closed) {
                    // as good as its end
                }
                System.exit(0);
            }
        };
        watch.setDaemon(true);
        watch.start();
    }

    /** https://db.apache.org/derby/docs/10.14/ref/rrefbackupdbproc.html */
    static String copyDerby(String folder) {
        try {
            Connection connection = connect(new HiveConf(HiveMetaStore.class));
            try {
                CallableStatement copy = connection.prepareCall("CALL SYSCS_UTIL.SYSCS_BACKUP_DATABASE(?)");
                copy.setString(1, folder);
                copy.execute();
                return "copied";
            } finally {
                connection.close();
            }
        } catch (SQLException error) {
            return "not copied: " + error.getMessage();
        }
    }

    private static Connection connect(HiveConf conf) throws SQLException {
        return DriverManager.getConnection(
            conf.getVar(HiveConf.ConfVars.METASTORECONNECTURLKEY),
            conf.getVar(HiveConf.ConfVars.METASTORE_CONNECTION_USER_NAME),
            conf.getVar(HiveConf.ConfVars.METASTOREPWD));
    }

    private static void serve(HiveConf conf) throws Exception {
        makeDerby(conf);
        makeTables(conf);
        makeLockTables(conf);
        releaseDeadLocks(TxnUtils.getTxnStore(conf));
        final IHMSHandler handler =
            HiveMetaStore.newRetryingHMSHandler(new HiveMetaStore.HMSHandler("metastore", conf, false), conf, false);
        int port = conf.getIntVar(HiveConf.ConfVars.METASTORE_SERVER_PORT);
        // Loopback and no other: nothing but the address keeps strangers away from this protocol.
        TServerSocket socket = new TServerSocketKeepAlive(
            new TServerSocket(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), port)));
        TThreadPoolServer.Args options = new TThreadPoolServer.Args(socket);
        options.processor((TProcessor) new TSetIpAddressProcessor(handler));
        options.protocolFactory(new TBinaryProtocol.Factory());
        options.inputProtocolFactory(new TBinaryProtocol.Factory(true, true, LONGEST_MESSAGE, LONGEST_MESSAGE));
        options.minWorkerThreads(conf.getIntVar(HiveConf.ConfVars.METASTORESERVERMINTHREADS));
        options.maxWorkerThreads(conf.getIntVar(HiveConf.ConfVars.METASTORESERVERMAXTHREADS));
        TServer server = new TThreadPoolServer(options);
        server.setServerEventHandler(new TServerEventHandler() {
            public void preServe() {
                System.out.println("ready");
            }

            public ServerContext createContext(TProtocol input, TProtocol output) {
                return null;
            }

            public void deleteContext(ServerContext context, TProtocol input, TProtocol output) {
                // Each connection has a store of its own, by its thread; so Hive's own service ends it.
                try {
                    handler.shutdown();
                } catch (Exception error) {
                    error.printStackTrace();
                }
            }

            public void processContext(ServerContext context, TTransport input, TTransport output) {}
        });
        server.serve();
    }

    /**
     * Makes Derby's database, if there is none, beside the place where it is looked for, and moves it there: one whose making was
     * cut short by a kill is none, and Derby would never open it again.
     */
    private static void makeDerby(HiveConf conf) throws Exception {
        Matcher named = DERBY.matcher(conf.getVar(HiveConf.ConfVars.METASTORECONNECTURLKEY));
        if (!named.matches()) return;
        Path folder = Paths.get(named.group(1));
        if (Files.exists(folder.resolve("service.properties"))) return;
        Path begun = folder.resolveSibling(folder.getFileName() + ".begun");
        FileUtils.deleteDirectory(begun.toFile());
        if (Files.exists(folder)) {
            Path aside = folder.resolveSibling(folder.getFileName() + ".unfinished-" + System.currentTimeMillis());
            Files.move(folder, aside);
            System.err.println("No database, for its making was cut short: it is now " + aside);
        }
        String url = "jdbc:derby:;databaseName=" + begun;
        DriverManager.getConnection(
            url + ";create=true",
            conf.getVar(HiveConf.ConfVars.METASTORE_CONNECTION_USER_NAME),
            conf.getVar(HiveConf.ConfVars.METASTOREPWD)).close();
        try {
            DriverManager.getConnection(url + ";shutdown=true");
        } catch (SQLException ended) {
            // Derby's way to say that it has.
        }
        Files.move(begun, folder, StandardCopyOption.ATOMIC_MOVE);
    }

    /**
     * Makes what is missing of the metastore's tables before anybody asks: made on demand, two sessions' first tables
     * would wait for each other's locks on the database's own catalog.
     */
    private static void makeTables(HiveConf conf) throws Exception {
        ObjectStore store = new ObjectStore();
        store.setConf(conf);
        String[] names = new String[MODEL.length];
        for (int at = 0; at < MODEL.length; at++) {
            names[at] = "org.apache.hadoop.hive.metastore.model." + MODEL[at];
        }
        org.datanucleus.api.jdo.JDOPersistenceManagerFactory factory =
            (org.datanucleus.api.jdo.JDOPersistenceManagerFactory)
                store.getPersistenceManager().getPersistenceManagerFactory();
        org.datanucleus.store.schema.SchemaAwareStoreManager manager =
            (org.datanucleus.store.schema.SchemaAwareStoreManager) factory.getNucleusContext().getStoreManager();
        manager.createSchemaForClasses(new HashSet(Arrays.asList(names)), new Properties());
        store.shutdown();
    }

    /** The tables of Hive's locks, which Iceberg's Hive catalog takes at each commit. Hive makes them in its tests only. */
    private static void makeLockTables(HiveConf conf) throws Exception {
        Connection connection = connect(conf);
        try {
            connection.createStatement().executeQuery("SELECT NL_NEXT FROM NEXT_LOCK_ID").close();
        } catch (SQLException missing) {
            TxnDbUtil.prepDb(conf);
        } finally {
            connection.close();
        }
    }

    /** Takes away locks whose holders have been silent for `hive.txn.timeout`: a session that was killed says no more. */
    private static void releaseDeadLocks(final TxnStore locks) {
        Thread reaper = new Thread("locks") {
            public void run() {
                while (true) {
                    try {
                        Thread.sleep(LOCK_CHECK_MILLIS);
                        locks.performTimeOuts();
                    } catch (Exception error) {
                        error.printStackTrace(); // the next round may do better
                    }
                }
            }
        };
        reaper.setDaemon(true);
        reaper.start();
    }
}
