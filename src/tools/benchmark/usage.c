/* --help. Tool's main thread. */
#include "tools/benchmark/usage.h"

#include "tools/common/tls_flags.h"

static void print_examples(FILE *out)
{
    fputs(" --help             Output this help and exit.\n"
          " --version          Output version and exit.\n"
          "\n"
          "Examples:\n"
          "\n"
          " Run the benchmark with the default configuration against 127.0.0.1:6379:\n"
          "   $ redis-benchmark\n"
          "\n"
          " Use 20 parallel clients, for a total of 100k requests, against 192.168.1.1:\n"
          "   $ redis-benchmark -h 192.168.1.1 -p 6379 -n 100000 -c 20\n"
          "\n"
          " Fill 127.0.0.1:6379 with about 1 million keys only using the SET test:\n"
          "   $ redis-benchmark -t set -n 1000000 -r 100000000\n"
          "\n"
          " Benchmark 127.0.0.1:6379 for a few commands producing CSV output:\n"
          "   $ redis-benchmark -t ping,set,get -n 100000 --csv\n"
          "\n"
          " Benchmark a specific command line:\n"
          "   $ redis-benchmark -r 10000 -n 10000 eval 'return redis.call(\"ping\")' 0\n"
          "\n"
          " Fill a list with 10000 random elements:\n"
          "   $ redis-benchmark -r 10000 -n 10000 lpush mylist __rand_int__\n"
          "\n"
          " On user specified command lines __rand_int__ is replaced with a random integer\n"
          " with a range of values selected by the -r option.\n",
          out);
}

static void print_load_flags(FILE *out)
{
    fputs(
        " --rps <num>        Open loop: send <num> requests per second over all connections,\n"
        "                    answered or not. Latency is counted from the intended start,\n"
        "                    so what waits behind a slow reply shows.\n"
        " --duration <seconds> Run so long instead of -n; also 500ms. With --rps, as many\n"
        "                    requests as belong to that time are sent.\n"
        " --warmup <amount>  Not measured, before: a time (2s, 500ms) or a number of\n"
        "                    requests (1000).\n"
        " --ratio <sets:gets> A mix of SET and GET in that order, as 1:10, instead of tests.\n"
        " --key-pattern <pattern> random, sequential or gaussian (R, S, G) keys of -r. Sequential\n"
        "                    goes through all of them over and over; gaussian has its center\n"
        "                    in the middle and a deviation of a sixth of the range.\n"
        " --data-size-range <min-max> Sizes of values drawn evenly, instead of -d.\n"
        " --handshakes [full|resumed] Connections instead of requests: connect, handshake,\n"
        "                    PING, close; -n of them, -c at a time. Latency runs from the\n"
        "                    beginning of connecting to PING's reply.\n"
        " --keep-handshake-out With -k 0: latency begins when the connection stands.\n"
        " --compare <A> <B>  Two servers as URIs, in turns, in 10 slices each; ratios are\n"
        "                    medians over slices.\n"
        " --json <file>      Results with histograms, as JSON. - is standard output.\n"
        " --hdr <file>       Latencies (ms) in HdrHistogram's percentile format.\n",
        out);
}

void usage_print(FILE *out)
{
    fputs("Usage: redis-benchmark [OPTIONS] [COMMAND ARGS...]\n"
          "\n"
          "Options:\n"
          " -h <hostname>      Server hostname (default 127.0.0.1)\n"
          " -p <port>          Server port (default 6379)\n"
          " -s <socket>        Server socket (overrides host and port)\n"
          " -a <password>      Password for Redis Auth\n"
          " --user <username>  Used to send ACL style 'AUTH username pass'. Needs -a.\n"
          " -u <uri>           Server URI on format redis://user:password@host:port/dbnum\n"
          "                    User, password and dbnum are optional. For authentication\n"
          "                    without a username, use username 'default'. For TLS, use\n"
          "                    the scheme 'rediss'.\n"
          " -c <clients>       Number of parallel connections (default 50).\n"
          " -n <requests>      Total number of requests (default 100000)\n"
          " -d <size>          Data size of SET/GET value in bytes (default 3), and of what\n"
          "                    __data__ becomes in a command.\n"
          " --dbnum <db>       SELECT the specified db number (default 0)\n"
          " -3                 Start session in RESP3 protocol mode.\n"
          " --threads <num>    Number of threads that send requests (default 1).\n"
          " --cluster          Cluster mode (not supported yet).\n"
          " --enable-tracking  Send CLIENT TRACKING on before starting benchmark.\n"
          " -k <boolean>       1=keep alive 0=reconnect (default 1). When reconnecting, the\n"
          "                    latency includes connecting and the TLS handshake.\n"
          " -r <keyspacelen>   Use random keys for SET/GET/INCR, random values for SADD,\n"
          "                    random members and scores for ZADD.\n"
          "                    Using this option the benchmark will expand the string\n"
          "                    __rand_int__ inside an argument with a 12 digits number in\n"
          "                    the specified range from 0 to keyspacelen-1. The\n"
          "                    substitution changes every time a command is executed.\n"
          "                    Default tests use this to hit random keys in the specified\n"
          "                    range.\n"
          "                    Note: If -r is omitted, all commands in a benchmark will\n"
          "                    use the same key.\n"
          " -P <numreq>        Pipeline <numreq> requests. Default 1 (no pipeline).\n"
          " -q                 Quiet. Just show query/sec values\n"
          " --precision        Number of decimal places to display in latency output "
          "(default 3)\n"
          " --csv              Output in CSV format\n"
          " -l                 Loop. Run the tests forever\n"
          " -t <tests>         Only run the comma separated list of tests. The test\n"
          "                    names are the same as the ones produced as output.\n"
          "                    The -t option is ignored if a specific command is supplied\n"
          "                    on the command line.\n"
          " -I                 Idle mode. Just open N idle connections and wait.\n"
          " -x                 Read last argument from STDIN.\n"
          " --seed <num>       Set the seed for random number generator. Default seed is\n"
          "                    based on time.\n"
          " --show-server-errors Go on when the server replies with errors, and show them\n"
          "                    (at most one a second); without it the first one ends the\n"
          "                    benchmark.\n",
          out);
    print_load_flags(out);
    fputs(tls_flags_help(), out);
    print_examples(out);
}
