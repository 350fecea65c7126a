/* redis-cli: options first, then one of the modes; without any, a command or the interactive one.
 */
#include "base/memory.h"
#include "base/process.h"
#include "base/text.h"
#include "io/tls_context.h"
#include "tools/cli/arguments.h"
#include "tools/cli/cli.h"
#include "tools/cli/interrupts.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* -- a command on the command line -- */

static void print_messages_until_the_end(struct cli *cli)
{
    while (cli->is_subscribed)
        if (!cli_print_messages(cli, -1))
            return;
}

static int command_mode(struct cli *cli, int argc, char **argv)
{
    struct arguments arguments;
    if (arguments_init(&arguments, &cli->options, argc, argv) != 0)
        return 1;
    int result = cli_run(cli, arguments.count, arguments.items, cli->options.repeat);
    if (result == 0)
        print_messages_until_the_end(cli);
    arguments_deinit(&arguments);
    return result == 0 && !cli->has_failed ? 0 : 1;
}

static int script_or_people(struct cli *cli, int argc, char **argv)
{
    if (argc > 0)
        return command_mode(cli, argc, argv);
    return repl_run(cli);
}

int eval_mode(struct cli *cli, int argc, char **argv)
{
    struct arguments arguments;
    if (arguments_init_eval(&arguments, &cli->options, argc, argv) != 0)
        return 1;
    int result = cli_run(cli, arguments.count, arguments.items, cli->options.repeat);
    arguments_deinit(&arguments);
    return result == 0 && !cli->has_failed ? 0 : 1;
}

static int run_mode(struct cli *cli, int argc, char **argv)
{
    switch (cli->options.mode) {
    case MODE_COMMAND:
        return script_or_people(cli, argc, argv);
    case MODE_EVAL:
        return eval_mode(cli, argc, argv);
    case MODE_PIPE:
        return pipe_mode(cli);
    case MODE_STAT:
        return stat_mode(cli);
    case MODE_LATENCY:
    case MODE_LATENCY_HISTORY:
        return latency_mode(cli);
    case MODE_LATENCY_DIST:
        return latency_dist_mode(cli);
    case MODE_SCAN:
        return scan_mode(cli);
    case MODE_BIGKEYS:
    case MODE_MEMKEYS:
        return big_keys_mode(cli);
    case MODE_KEYSTATS:
        return key_stats_mode(cli);
    case MODE_HEALTH:
        return health_mode(cli);
    case MODE_TLS_INFO:
        return tls_info_mode(cli);
    case MODE_LIVE:
        return live_mode(cli);
    case MODE_HOTKEYS:
        return hot_keys_mode(cli);
    case MODE_LRU_TEST:
        return lru_test_mode(cli);
    case MODE_INTRINSIC_LATENCY:
        return intrinsic_latency_mode(cli);
    case MODE_UNSUPPORTED:
        break;
    }
    panic("mode %d", (int)cli->options.mode);
}

static void ask_for_password(struct cli_options *options)
{
    static char password[512]; /* lives as long as the options */
    if (arguments_read_password("Please input password: ", password, sizeof(password)) != 0)
        exit(1);
    options->password = password;
}

int main(int argc, char **argv)
{
    struct cli cli = {.last_type = REPLY_NIL};
    char error[SYNC_ERROR_MAX] = "";
    mem_init();
    signal(SIGPIPE, SIG_DFL); /* nobody reads what is printed: done. Sockets do without */
    int first = options_parse(&cli.options, argc, argv);
    if (cli.options.is_asking_password)
        ask_for_password(&cli.options);
    if (cli.options.tls.is_enabled && tls_library_init() != 0) {
        fprintf(stderr, "Could not initialise the TLS library\n");
        return 1;
    }
    cli.client = sync_client_create(error);
    if (!cli.client) {
        fprintf(stderr, "Could not create an event loop: %s\n", error);
        return 1;
    }
    cli.host = mem_strdup(cli.options.host);
    cli.port = (int)cli.options.port;
    cli.db = (int)cli.options.db;
    int code = run_mode(&cli, argc - first, argv + first);
    help_release();
    sync_client_destroy(cli.client);
    if (cli.tls)
        tls_context_release(cli.tls);
    cli_remember_login(&cli, NULL, NULL);
    mem_free(cli.host);
    options_release(&cli.options);
    return fflush(stdout) == 0 ? code : 1;
}
