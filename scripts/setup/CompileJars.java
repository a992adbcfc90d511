import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.codehaus.commons.compiler.CompileException;
import org.codehaus.commons.compiler.util.resource.MapResourceCreator;
import org.codehaus.janino.Compiler;

/**
 * Compiles Java by Janino, the compiler that Spark ships, since set-up asks for no Java but one to run. Janino knows no
 * lambdas and erases generics.
 *
 * Run from source: `java -cp … org.codehaus.janino.SimpleCompiler CompileJars.java CompileJars SOURCES TARGET JARS…`.
 * Each folder in SOURCES becomes `TARGET/parthenon-<folder>.jar`, the same bytes for the same sources; all of them and the
 * jars in the folders JARS are one class path.
 */
public class CompileJars {
    private static final LocalDateTime TIME = LocalDateTime.of(1980, 1, 1, 0, 0);

    public static void main(String[] arguments) throws Exception {
        try {
            make(arguments);
        } catch (CompileException mistake) {
            System.err.println(mistake.getMessage());
            System.exit(1);
        }
    }

    private static void make(String[] arguments) throws Exception {
        File[] roots = sorted(new File(arguments[0]).listFiles());
        List jars = new ArrayList();
        for (int at = 2; at < arguments.length; at++) {
            jars.addAll(filesUnder(new File(arguments[at]), ".jar"));
        }
        Map classes = compile(roots, jars);
        for (int at = 0; at < roots.length; at++) {
            writeJar(new File(arguments[1], "parthenon-" + roots[at].getName() + ".jar"), roots[at], classes);
        }
    }

    /** @return contents by names such as `parthenon/s3/ConditionalObject.class` */
    private static Map compile(File[] roots, List jars) throws Exception {
        List sources = new ArrayList();
        for (int at = 0; at < roots.length; at++) {
            sources.addAll(filesUnder(roots[at], ".java"));
        }
        MapResourceCreator classes = new MapResourceCreator();
        Compiler compiler = new Compiler();
        compiler.setSourcePath(roots);
        compiler.setClassPath((File[]) jars.toArray(new File[0]));
        compiler.setClassFileCreator(classes);
        compiler.setCharacterEncoding("UTF-8");
        compiler.setTargetVersion(8);
        compiler.setDebugLines(true);
        compiler.setDebugSource(true);
        if (!compiler.compile((File[]) sources.toArray(new File[0]))) {
            throw new Exception("not compiled");
        }
        return new TreeMap(classes.getMap());
    }

    /** A jar of the classes whose source lies in `root`. */
    private static void writeJar(File jar, File root, Map classes) throws IOException {
        ZipOutputStream output = new ZipOutputStream(new FileOutputStream(jar));
        try {
            for (Iterator entries = classes.entrySet().iterator(); entries.hasNext();) {
                Map.Entry each = (Map.Entry) entries.next();
                String name = (String) each.getKey();
                if (new File(root, name.replaceFirst("(\\$.*)?\\.class$", ".java")).exists()) {
                    ZipEntry entry = new ZipEntry(name);
                    entry.setTimeLocal(TIME);
                    output.putNextEntry(entry);
                    output.write((byte[]) each.getValue());
                    output.closeEntry();
                }
            }
        } finally {
            output.close();
        }
    }

    private static List filesUnder(File folder, String ending) {
        List found = new ArrayList();
        File[] files = sorted(folder.listFiles());
        for (int at = 0; at < files.length; at++) {
            if (files[at].isDirectory()) {
                found.addAll(filesUnder(files[at], ending));
            } else if (files[at].getName().endsWith(ending)) {
                found.add(files[at]);
            }
        }
        return found;
    }

    private static File[] sorted(File[] files) {
        Arrays.sort(files);
        return files;
    }
}
