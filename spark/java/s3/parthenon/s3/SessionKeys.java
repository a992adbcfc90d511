package parthenon.s3;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import org.apache.spark.api.plugin.PluginContext;

/**
 * The session's keys to S3 as they are now. They end by themselves and are renewed while the session lives: the driver has them in
 * a file, in the form of AWS's `credential_process`, which is replaced as a whole; executors in other processes ask the driver.
 */
final class SessionKeys {
    /** By file; a JVM knows one. */
    private static final Map READ = new HashMap();

    /** Of an executor in a process of its own; null in the driver. */
    private static PluginContext driver;
    private static SessionKeys asked;
    private static long askAgainAt;

    final String accessKeyId;
    final String secretAccessKey;
    /** Null for keys that do not end. */
    final String sessionToken;
    private final Instant end;
    private final long modifiedAt;

    private SessionKeys(String json, long modifiedAt) throws IOException {
        JsonNode keys = new ObjectMapper().readTree(json);
        this.accessKeyId = keys.get("AccessKeyId").asText();
        this.secretAccessKey = keys.get("SecretAccessKey").asText();
        this.sessionToken = keys.has("SessionToken") ? keys.get("SessionToken").asText() : null;
        this.end = keys.has("Expiration") ? Instant.parse(keys.get("Expiration").asText()) : Instant.MAX;
        this.modifiedAt = modifiedAt;
    }

    /**
     * Called for each request to S3.
     *
     * @param file of the driver
     */
    static synchronized SessionKeys now(String file) throws IOException {
        return driver == null ? read(file) : ask();
    }

    static synchronized void askBy(PluginContext context) {
        driver = context;
    }

    /** What an executor is answered. */
    static String text(String file) throws IOException {
        return new String(Files.readAllBytes(new File(file).toPath()), StandardCharsets.UTF_8);
    }

    private static SessionKeys read(String file) throws IOException {
        SessionKeys known = (SessionKeys) READ.get(file);
        long modifiedAt = new File(file).lastModified();
        if (known == null || known.modifiedAt != modifiedAt) {
            known = new SessionKeys(text(file), modifiedAt);
            READ.put(file, known);
        }
        return known;
    }

    /** Again after a quarter of the time that is left: renewed keys are there by half of it. */
    private static SessionKeys ask() throws IOException {
        long now = System.currentTimeMillis();
        if (asked != null && now < askAgainAt) {
            return asked;
        }
        try {
            asked = new SessionKeys((String) driver.ask(SessionKeysPlugin.QUESTION), 0);
        } catch (Exception away) {
            if (asked == null || Instant.now().isAfter(asked.end)) {
                throw new IOException("The driver does not give the session's keys", away);
            }
        }
        askAgainAt = asked.end == Instant.MAX ? Long.MAX_VALUE : now + (asked.end.toEpochMilli() - now) / 4;
        return asked;
    }
}
