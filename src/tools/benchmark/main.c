/* redis-benchmark: options, then one run after the other. The main thread never sends requests
 * itself. */
#include "base/clock.h"
#include "base/memory.h"
#include "base/process.h"
#include "io/tls_context.h"
#include "protocol/resp_reply_reader.h"
#include "tools/benchmark/load.h"
#include "tools/benchmark/options.h"
#include "tools/benchmark/report.h"
#include "tools/benchmark/workload.h"

#include <signal.h>
#include <stdio.h>

struct benchmark {
    struct options options;
    struct address address;
    struct reporter reporter;
    struct load_result result; /* large */
};

static void find_server(struct benchmark *benchmark)
{
    const struct options *options = &benchmark->options;
    if (options->socket_path) {
        if (address_unix(options->socket_path, &benchmark->address) != 0)
            fatal("Could not connect to Redis at %s: bad socket path", options->socket_path);
        return;
    }
    char error[256] = "unknown host";
    if (address_resolve(options->host, (int)options->port, &benchmark->address, 1, error) < 1)
        fatal("Could not connect to Redis at %s:%lld: %s", options->host, (long long)options->port,
              error);
}

static struct load_options load_of(struct benchmark *benchmark, const struct workload *workload)
{
    return (struct load_options){.options = &benchmark->options,
                                 .address = &benchmark->address,
                                 .workload = workload,
                                 .context = &benchmark->reporter};
}

/* A configuration value of the server, or NULL. */
static char *ask_config(const struct load_options *load, const char *name)
{
    const char *const args[] = {"CONFIG", "GET", name};
    struct reply_value *reply = load_ask(load, args, 3);
    bool is_pair = reply && reply->count == 2 && reply->elements[1].text.data;
    char *value = is_pair ? mem_strdup(reply->elements[1].text.data) : NULL;
    reply_value_free(reply);
    return value;
}

static void ask_server(struct benchmark *benchmark)
{
    struct workload greeting;
    workload_init_idle(&greeting, &benchmark->options);
    struct load_options load = load_of(benchmark, &greeting);
    benchmark->reporter.save = ask_config(&load, "save");
    if (benchmark->reporter.save)
        benchmark->reporter.appendonly = ask_config(&load, "appendonly");
    else
        fprintf(stderr, "WARNING: Could not fetch server CONFIG\n");
    workload_deinit(&greeting);
}

static void run(struct benchmark *benchmark, const struct workload *workload)
{
    struct load_options load = load_of(benchmark, workload);
    load.on_progress = report_progress;
    benchmark->reporter.title = workload->title;
    load_run(&load, &benchmark->result);
    report_result(&benchmark->reporter, &benchmark->result);
}

static void run_command(struct benchmark *benchmark)
{
    struct workload workload;
    if (workload_init_command(&workload, &benchmark->options) != 0)
        fatal("Could not read the last argument from standard input");
    do
        run(benchmark, &workload);
    while (benchmark->options.is_looping);
    workload_deinit(&workload);
}

static void run_builtin_tests(struct benchmark *benchmark)
{
    const struct builtin_test *tests;
    size_t count = workload_builtin_tests(&tests);
    for (size_t i = 0; i < count; i++) {
        bool is_selected = false;
        for (int k = 0; tests[i].names[k]; k++)
            is_selected |= options_test_is_selected(&benchmark->options, tests[i].names[k]);
        if (!is_selected)
            continue;
        struct workload workload;
        workload_init_builtin(&workload, &benchmark->options, &tests[i]);
        run(benchmark, &workload);
        workload_deinit(&workload);
    }
}

__attribute__((noreturn)) static void run_idle(struct benchmark *benchmark)
{
    struct workload workload;
    workload_init_idle(&workload, &benchmark->options);
    printf("Creating %lld idle connections and waiting forever (Ctrl+C when done)\n",
           (long long)benchmark->options.clients);
    struct load_options load = load_of(benchmark, &workload);
    load.on_progress = report_idle;
    load_idle(&load);
}

int main(int argc, char **argv)
{
    enum { FILES_SPARE = 256 };
    mem_init();
    clock_update();
    signal(SIGPIPE, SIG_IGN);
    struct benchmark *benchmark = mem_calloc(1, sizeof(*benchmark));
    struct options *options = &benchmark->options;
    options_parse(options, argc, argv);
    if (options->seed == 0)
        options->seed = clock_read_wall_us();
    benchmark->reporter.options = options;
    if (options->tls.is_enabled && tls_library_init() != 0)
        fatal("Could not initialize the TLS library");
    process_raise_files((uint64_t)options->clients + FILES_SPARE);
    find_server(benchmark);
    if (options->is_idle)
        run_idle(benchmark);
    ask_server(benchmark);
    report_begin(&benchmark->reporter);
    if (options->command_argc > 0 || options->reads_stdin)
        run_command(benchmark);
    else
        do
            run_builtin_tests(benchmark);
        while (options->is_looping);
    if (!options->is_csv && options->command_argc == 0)
        printf("\n");
    mem_free(benchmark->reporter.save);
    mem_free(benchmark->reporter.appendonly);
    options_deinit(options);
    mem_free(benchmark);
    return 0;
}
