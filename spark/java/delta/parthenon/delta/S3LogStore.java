package parthenon.delta;

import io.delta.storage.S3SingleDriverLogStore;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.util.Iterator;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import parthenon.s3.ConditionalObject;

/**
 * Delta's log in S3 for any number of writing sessions: a version is one conditional PUT, which S3 makes for one writer
 * only. Delta's own store for S3, whose reading is used here, looks whether the version exists and then writes it.
 *
 * A commit is held in memory as a whole; Delta's actions of one are there already.
 */
public class S3LogStore extends S3SingleDriverLogStore {
    /** Called by Delta. */
    public S3LogStore(Configuration configuration) {
        super(configuration);
    }

    /**
     * @param actions the lines of the file
     * @throws FileAlreadyExistsException when another writer has made this version; Delta then looks whether both can hold
     */
    public void write(Path path, Iterator actions, Boolean overwrite, Configuration configuration) throws IOException {
        if (overwrite.booleanValue()) {
            super.write(path, actions, overwrite, configuration);
            return;
        }
        ConditionalObject target = new ConditionalObject(path, configuration);
        ByteArrayOutputStream lines = new ByteArrayOutputStream();
        while (actions.hasNext()) {
            lines.write(((String) actions.next()).getBytes(StandardCharsets.UTF_8));
            lines.write('\n');
        }
        if (target.create(lines.toByteArray()) == null) {
            throw new FileAlreadyExistsException(path.toString());
        }
    }
}
