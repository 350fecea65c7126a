/* The text of --help. */
#include "tools/cli/options.h"

#include <stdio.h>

static const char connection_help[] =
    "Usage: redis-cli [OPTIONS] [cmd [arg [arg ...]]]\n"
    "  -h <hostname>      Server hostname (default: 127.0.0.1).\n"
    "  -p <port>          Server port (default: 6379).\n"
    "  -t <timeout>       Connecting may take this many seconds, decimals allowed\n"
    "                     (default: 0, as long as the system allows).\n"
    "  -s <socket>        Server socket, instead of a host name and port.\n"
    "  -a <password>      Password for AUTH. The REDISCLI_AUTH environment variable does\n"
    "                     the same without showing it in lists of processes.\n"
    "  --user <username>  With a password: 'AUTH username password'.\n"
    "  --pass <password>  The same as -a.\n"
    "  --pass-file <file> The password is the first line of a file.\n"
    "  --askpass          Ask for the password on the terminal; -a and REDISCLI_AUTH\n"
    "                     are ignored.\n"
    "  --no-auth-warning  Do not warn of a password on the command line.\n"
    "  -u <uri>           Server as redis://user:password@host:port/db, rediss:// for TLS,\n"
    "                     unix:///path?db=n for a socket.\n"
    "  -n <db>            Database number.\n"
    "  -2                 Use RESP2.\n"
    "  -3                 Use RESP3.\n"
    "  -4                 Prefer IPv4 over IPv6 on DNS lookup.\n"
    "  -6                 Prefer IPv6 over IPv4 on DNS lookup.\n"
    "  -c                 Follow -ASK and -MOVED redirections of a cluster.\n";

static const char tls_more_help[] =
    " --tls-verify-host  Require the server's certificate to carry the name or address\n"
    "                    that was connected to (or the name given with --sni).\n"
    " --key-pass-file <file> The passphrase of an encrypted --key is the first line of a\n"
    "                    file (default: ask on the terminal).\n"
    " --tls-info         Print the protocol, cipher, group, certificates and handshake time\n"
    "                    of a connection, and whether a second one resumes its session.\n";

static const char command_help[] =
    "  -r <repeat>        Run the command N times (-1: until stopped).\n"
    "  -i <interval>      Seconds between repetitions, decimals allowed. Also the cycle\n"
    "                     of --scan and --stat, and of 100 steps of --bigkeys, --memkeys\n"
    "                     and --hotkeys.\n"
    "  -x                 Read the last argument from standard input.\n"
    "  -X <tag>           Read the argument that equals <tag> from standard input.\n"
    "  -e                 Stop at the first error reply, print it on standard error.\n"
    "                     (The exit code is 1 after an error reply in any case.)\n"
    "  --quoted-input     Arguments are quoted strings with escapes.\n"
    "  --eval <file>      Run the Lua script of a file: keys, a comma, arguments follow.\n"
    "  --raw              Print replies as they are (default when the output is no tty).\n"
    "  --no-raw           Print replies with their types, whatever the output is.\n"
    "  -d <delimiter>     Between the elements of a raw reply (default: \\n).\n"
    "  -D <delimiter>     Between raw replies (default: \\n).\n"
    "  --csv              Print replies as comma separated values.\n"
    "  --json             Print replies as JSON (uses RESP3 unless -2 is given).\n"
    "  --quoted-json      The same, with all that is not ASCII escaped.\n"
    "  --show-pushes <yn> Print RESP3 push messages (default: yes on a tty).\n";

static const char mode_help[] =
    "  --pipe             Send the protocol read from standard input, count the replies.\n"
    "  --pipe-timeout <n> Seconds without a reply after which --pipe gives up\n"
    "                     (default: 30; 0: never).\n"
    "  --health           Connect and PING, for probes. Exit code 0: serving, 1: not reachable\n"
    "                     or refused, 2: loading or otherwise not ready. Within -t seconds\n"
    "                     (default: 5).\n"
    "  --live, --top      Full-screen view of the server's load, each second (-i); q quits.\n"
    "  --stat             Print figures of the server every second.\n"
    "  --latency          Measure PING continuously. Not on a tty: for one second (-i),\n"
    "                     then print minimum, maximum, average and samples.\n"
    "  --latency-history  The same with a line every 15 seconds (-i).\n"
    "  --latency-dist     Show latencies as a spectrum (xterm with 256 colours).\n"
    "  --intrinsic-latency <sec>\n"
    "                     Measure what this machine itself costs; no server is needed.\n"
    "  --lru-test <keys>  Run a cache workload with an 80-20 distribution.\n"
    "  --scan             List the keys with SCAN.\n"
    "  --pattern <pat>    Glob for --scan, --bigkeys, --memkeys, --keystats and --hotkeys.\n"
    "  --quoted-pattern <pat>\n"
    "                     The same as a quoted string with escapes.\n"
    "  --count <count>    COUNT of SCAN in these modes (default: 10).\n"
    "  --bigkeys          Look for keys with many elements.\n"
    "  --memkeys          Look for keys that take much memory.\n"
    "  --memkeys-samples <n>\n"
    "                     The same, sampling n elements of each key (0: all).\n"
    "  --keystats         Look for keys that are big in elements or memory, with their\n"
    "                     distribution.\n"
    "  --keystats-samples <n>\n"
    "                     The same, sampling n elements of each key (0: all).\n"
    "  --top <n>          How many keys --keystats lists (default: 10).\n"
    "  --cursor <n>       Where --scan, --keystats and their like begin or go on.\n"
    "  --hotkeys          Look for keys in frequent use (needs an LFU maxmemory-policy).\n"
    "  --verbose          Say more.\n"
    "  --help             Print this and exit.\n"
    "  --version          Print the version and exit.\n";

static const char example_help[] =
    "\nExamples:\n"
    "  cat /etc/hostname | redis-cli -x set name\n"
    "  redis-cli -D \"\" --raw dump key > key.dump && redis-cli -X it restore key2 0 it < "
    "key.dump\n"
    "  redis-cli -r 100 -i 1 info | grep used_memory_human:\n"
    "  redis-cli --quoted-input set '\"a\\x00b\"' value\n"
    "  redis-cli --eval script.lua key1 key2 , arg1 arg2\n"
    "  redis-cli --tls --cacert ca.crt -h cache.example.net --scan --pattern '*:12345*'\n"
    "\nWithout a command redis-cli is interactive: type \"help\" there for help.\n\n";

/* The TLS flags' help is shared with other tools and indented by one. */
static void print_indented(const char *text)
{
    bool is_at_start = true;
    for (; *text; text++) {
        if (is_at_start)
            putchar(' ');
        putchar(*text);
        is_at_start = *text == '\n';
    }
}

void options_print_usage(void)
{
    printf("%s\n\n%s", options_version(), connection_help);
    print_indented(tls_flags_help());
    print_indented(tls_more_help);
    printf("%s%s%s", command_help, mode_help, example_help);
}
