import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GetWorkGroupCommand } from '@aws-sdk/client-athena';
import { markedProcesses } from '../../src/drivers/processes.ts';
import { noSandbox } from '../drivers/driver-fixture.ts';
import { run, startIdleSession } from '../support/calculations.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { expectAllRefused, type Spoils, TRY_ALL } from './attacks.ts';

const SECRET = 'nobody-but-the-server-knows';

/** What a driver listens on, and is: as its own code knows. */
const KNOW_MYSELF = `
import glob, json, os
sc.parallelize([1], 1).map(lambda n: n).count()
seen = []
query = spark.readStream.format("rate").load().writeStream.foreachBatch(lambda frame, number: seen.append(number))
query.trigger(once=True).start().awaitTermination(60)
assert seen == [0], seen
listening = {}
for table in ("/proc/net/tcp", "/proc/net/tcp6"):
    for line in open(table).read().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A":
            listening[f"socket:[{fields[9]}]"] = int(fields[1].rpartition(":")[2], 16)
def target(link):
    try:
        return os.readlink(link)
    except OSError:
        return ""
mine = {target(link) for link in glob.glob("/proc/[0-9]*/fd/*")}
print(json.dumps({"driverId": os.environ["PARTHENON_DRIVER_ID"], "ports": sorted(port for inode, port in listening.items() if inode in mine)}))
`;

describe.skipIf(noSandbox !== undefined)(`the code of a session${noSandbox ? ` (not run: ${noSandbox})` : ''}`, () => {
  let server: TestServer;
  let victim: string;
  let attacker: string;
  /** The victim's driver. */
  let driver: { driverId: string; ports: number[]; folder: string; pids: number[] };

  beforeAll(async () => {
    process.env.SECRET_OF_THE_SERVER = SECRET;
    server = await startTestServer({ sandbox: 'required' });
    delete process.env.SECRET_OF_THE_SERVER;
    writeFileSync(join(server.home, 'access.json'), '{"users":{}}', { mode: 0o600 });
    [victim, attacker] = (await Promise.all([startIdleSession(server), startIdleSession(server)])) as [string, string];
    const known = JSON.parse((await run(server, victim, KNOW_MYSELF)).stdout);
    const pids = markedProcesses()
      .filter(({ driverId }) => driverId === known.driverId)
      .map(({ pid }) => pid);
    driver = { ...known, pids, folder: join(server.home, 'drivers', known.driverId) };
  });
  afterAll(async () => await server?.remove());

  async function attack(attacks: string): Promise<Spoils> {
    const { stdout, stderr } = await run(server, attacker, `${TRY_ALL}\n${attacks}`);
    expect(stderr).toBe('');
    return JSON.parse(stdout.trim().split('\n').at(-1) as string);
  }

  test("reads neither the server's state and keys, nor what is another session's, nor the system's secrets", async () => {
    const secrets = [
      ...['state.db', 'access.json', 'credentials', 'config', 'master.key'].map((name) => join(server.home, name)),
      ...['connection.json', 'launch.json', 'aws/keys.json', 'spark.log'].map((name) => join(driver.folder, name)),
      ...['/etc/shadow', '/proc/kcore', `/proc/${server.process.pid}/environ`, `/proc/${driver.pids[0]}/environ`],
    ];
    for (const secret of secrets.slice(0, 9)) expect(existsSync(secret), secret).toBe(true);
    const spoils = await attack(`
secrets = ${JSON.stringify(secrets)}
java = sc._jvm.java.nio.file
attacks = {}
for path in secrets:
    attacks["Python " + path] = lambda path=path: open(path, "rb").read(10)
    attacks["Java " + path] = lambda path=path: java.Files.readString(java.Path.of(path, sc._gateway.new_array(sc._jvm.String, 0)))
    attacks["Spark " + path] = lambda path=path: spark.read.text("file://" + path).first()
try_all(attacks)`);
    expectAllRefused(spoils, 3 * secrets.length);
  });

  test('sees of the folders and processes of others not even the names', async () => {
    const { stdout } = await run(
      server,
      attacker,
      `
import glob, json, os, pwd
print(json.dumps({
    "mine": os.environ["PARTHENON_DRIVER_ID"],
    "home": os.listdir(${JSON.stringify(server.home)}),
    "drivers": os.listdir(${JSON.stringify(join(server.home, 'drivers'))}),
    "programs": sorted({open(name).read().strip() for name in glob.glob("/proc/[0-9]*/comm")}),
    "processes": sc._jvm.java.lang.ProcessHandle.allProcesses().count() <= 8,
    "secrets": [name for name in glob.glob("/proc/[0-9]*/environ") if ${JSON.stringify(SECRET)} in open(name, errors="replace").read()],
    "capabilities": [line.split()[1] for line in open("/proc/self/status") if line.startswith(("CapEff", "CapBnd"))],
    "home of the user": [name for name in os.listdir(pwd.getpwuid(os.getuid()).pw_dir) if name in (".ssh", ".aws", ".bashrc", ".profile")] if os.path.isdir(pwd.getpwuid(os.getuid()).pw_dir) else [],
}))`,
    );
    const { mine, programs, ...seen } = JSON.parse(stdout);
    expect(seen).toEqual({
      home: ['drivers'],
      drivers: [mine],
      processes: true,
      secrets: [],
      capabilities: ['0000000000000000', '0000000000000000'],
      'home of the user': [],
    });
    expect(
      programs.filter((name: string) => !['bwrap', 'java', 'python', 'python3', 'iou_exit'].includes(name)),
    ).toEqual([]);
  });

  test('ends no process of others, and changes nothing of the system', async () => {
    const pids = [server.process.pid, ...driver.pids];
    const spoils = await attack(`
import os, signal
pids = ${JSON.stringify(pids)}
files = ["/usr/mine", "/etc/mine", "/mine", "/dev/mine", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/irq/default_smp_affinity",
         os.environ["SPARK_HOME"] + "/jars/mine.jar", os.environ["SPARK_HOME"] + "/__init__.py", os.environ["JAVA_HOME"] + "/mine"]
java = sc._jvm.java
def killed(pid):
    found = java.lang.ProcessHandle.of(pid)
    if not found.isPresent():
        raise ProcessLookupError("not there")
    return found.get().destroyForcibly()
attacks = {}
for pid in pids:
    attacks[f"Python {pid}"] = lambda pid=pid: os.kill(pid, signal.SIGKILL)
    attacks[f"Java {pid}"] = lambda pid=pid: killed(pid)
for path in files:
    attacks["Python " + path] = lambda path=path: open(path, "a")
    attacks["Java " + path] = lambda path=path: java.io.FileOutputStream(path, True)
attacks["another namespace"] = lambda: __import__("subprocess").run(["unshare", "-Ur", "true"], check=True, stderr=-3)
try_all(attacks)`);
    expectAllRefused(spoils, 2 * pids.length + 2 * 10 + 1);
    expect((await run(server, victim, 'print("still there")')).stdout).toBe('still there\n');
  });

  test("reaches neither another session's kernel nor what its Spark and Python listen on", async () => {
    // Java's way to Python and back, Spark's messages and blocks, accumulators, Python workers: no Spark UI, nothing of the kernel.
    expect(driver.ports.length).toBe(6);
    const sockets = [1, 2, 3, 4, 5].map((number) => join(driver.folder, `k-${number}`));
    for (const socket of sockets) expect(existsSync(socket), socket).toBe(true);
    const spoils = await attack(`
import socket, struct
spark_, scala = sc._jvm.org.apache.spark, sc._jvm.scala
def connect_unix(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
def connect_unix_java(path):
    sc._jvm.java.nio.channels.SocketChannel.open(sc._jvm.java.net.UnixDomainSocketAddress.of(path))
def say(port, words):
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        client.settimeout(2)
        client.sendall(words)
        answer = b""
        try:
            while more := client.recv(1000):
                answer += more
        except OSError:
            pass
        # In the words of py4j, and of Spark's Python workers, which say their process id before they ask for the secret.
        if answer == b"" or answer.startswith(b"!x") or len(answer) == 4 or answer.endswith(b"err"):
            raise PermissionError(answer)
        return answer
def block(port):
    conf = spark_.SparkConf(False)
    transport = spark_.network.netty.SparkTransportConf.fromSparkConf(conf, "shuffle", 1, scala.Option.empty())
    context = spark_.network.TransportContext(transport, spark_.network.server.NoOpRpcHandler())
    client = context.createClientFactory().createClient("127.0.0.1", port)
    none = sc._gateway.new_array(sc._jvm.String, 0)
    message = spark_.network.shuffle.protocol.OpenBlocks("app", "driver", none).toByteBuffer()
    return str(client.sendRpcSync(message, 2000))
def endpoint(port, name):
    conf = spark_.SparkConf(False).set("spark.rpc.lookupTimeout", "2s")
    secret_file = getattr(getattr(spark_.internal.config, "package$"), "MODULE$").AUTH_SECRET_FILE()
    security = spark_.SecurityManager(conf, scala.Option.empty(), secret_file)
    thief = spark_.rpc.RpcEnv.create("thief", "127.0.0.1", "127.0.0.1", -1, conf, security, 1, True)
    try:
        return thief.setupEndpointRef(spark_.rpc.RpcAddress("127.0.0.1", port), name).toString()
    finally:
        thief.shutdown()
def with_my_secret(port):
    return spark_.SparkEnv.get().rpcEnv().setupEndpointRef(spark_.rpc.RpcAddress("127.0.0.1", port), "BlockManagerMaster").toString()
attacks = {}
for path in ${JSON.stringify(sockets)}:
    attacks["Python " + path] = lambda path=path: connect_unix(path)
    attacks["Java " + path] = lambda path=path: connect_unix_java(path)
for port in ${JSON.stringify(driver.ports)}:
    attacks[f"py4j {port}"] = lambda port=port: say(port, b"c\\nz:java.lang.System\\ngetProperty\\nsuser.home\\ne\\n")
    attacks[f"callback {port}"] = lambda port=port: say(port, b"c\\np0\\ngetClass\\ne\\n")
    attacks[f"wrong secret {port}"] = lambda port=port: say(port, struct.pack("!i", 5) + b"wrong")
    attacks[f"blocks {port}"] = lambda port=port: block(port)
    attacks[f"messages {port}"] = lambda port=port: endpoint(port, "BlockManagerMaster")
    attacks[f"messages, with the thief's own secret {port}"] = lambda port=port: with_my_secret(port)
try_all(attacks)`);
    expectAllRefused(spoils, 2 * sockets.length + 6 * driver.ports.length);
    expect((await run(server, victim, 'print(spark.range(10).count())')).stdout).toBe('10\n');
  });

  test("has no way to the server's administration", async () => {
    const spoils = await attack(`
import boto3, urllib.request
athena = boto3.client("athena")
endpoint = ${JSON.stringify(server.endpoint)}
try_all({
    "list": lambda: athena.list_work_groups(),
    "stop": lambda: athena.terminate_session(SessionId=${JSON.stringify(victim)}),
    "unsigned": lambda: urllib.request.urlopen(urllib.request.Request(endpoint, b"{}", {"X-Amz-Target": "AmazonAthena.ListWorkGroups", "Content-Type": "application/x-amz-json-1.1"})).read(),
})`);
    expectAllRefused(spoils, 3);
    expect((await server.athena.send(new GetWorkGroupCommand({ WorkGroup: 'primary' }))).WorkGroup?.Name).toBe(
      'primary',
    );
  });

  test('gets nothing of the server by links in its spool', async () => {
    const inPlaceOfFile = await run(
      server,
      attacker,
      `
import glob, os
[mine] = glob.glob("../spool/*.open")
os.remove(mine + "/stdout")
os.symlink(${JSON.stringify(join(server.home, 'state.db'))}, mine + "/stdout")`,
    );
    expect(inPlaceOfFile.stdout).not.toContain('SQLite');
    expect(inPlaceOfFile.Status?.State).toBe('FAILED');
    const inPlaceOfFolder = await run(
      server,
      attacker,
      `
import glob, os
[mine] = glob.glob("../spool/*.open")
os.rename("../spool", "../was")
os.symlink(${JSON.stringify(driver.folder)} + "/spool", "../spool")`,
    );
    expect(inPlaceOfFolder.Status?.State).toBe('FAILED');
    expect(existsSync(join(driver.folder, 'spool'))).toBe(true);
    expect((await run(server, victim, 'print("mine")')).stdout).toBe('mine\n');
  });
});
