package example;

/** What {@link Greet} needs. */
public class Words {
    public static final String GREETING = new String("Hello");
}
