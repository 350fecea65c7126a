/* redis-benchmark: options, then one run after the other. The main thread never sends requests
 * itself. */
#include "base/clock.h"
#include "base/memory.h"
#include "base/process.h"
#include "io/tls_context.h"
#include "protocol/resp_reply_reader.h"
#include "tools/benchmark/compare.h"
#include "tools/benchmark/load.h"
#include "tools/benchmark/options.h"
#include "tools/benchmark/report.h"
#include "tools/benchmark/result_files.h"
#include "tools/benchmark/workload.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct benchmark {
    struct options options;
    struct address address;
    struct reporter reporter;
    struct result_files files;
    struct compare *compare;   /* NULL but for --compare */
    struct load_result result; /* large */
};

/* What is run. */
enum choice { CHOICE_BUILTIN, CHOICE_COMMAND, CHOICE_RATIO, CHOICE_HANDSHAKES };

static void find_server(const struct options *options, struct address *address)
{
    if (options->socket_path) {
        if (address_unix(options->socket_path, address) != 0)
            fatal("Could not connect to Redis at %s: bad socket path", options->socket_path);
        return;
    }
    char error[256] = "unknown host";
    if (address_resolve(options->host, (int)options->port, address, 1, error) < 1)
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

static void init_workload(struct workload *workload, const struct options *options,
                          enum choice choice, const struct builtin_test *test)
{
    if (choice == CHOICE_RATIO)
        workload_init_ratio(workload, options);
    else if (choice == CHOICE_HANDSHAKES)
        workload_init_handshakes(workload, options);
    else if (choice == CHOICE_BUILTIN)
        workload_init_builtin(workload, options, test);
    else if (workload_init_command(workload, options) != 0)
        fatal("Could not read the last argument from standard input");
}

static void run_workload(struct benchmark *benchmark, const struct workload *workload)
{
    struct load_options load = load_of(benchmark, workload);
    load.on_progress = report_progress;
    benchmark->reporter.title = workload->title;
    benchmark->reporter.command_size = (int64_t)workload->command_size;
    load_run(&load, &benchmark->result);
    report_result(&benchmark->reporter, &benchmark->result);
    result_files_add(&benchmark->files, workload->title, NULL, &benchmark->result);
}

static void run_compared(struct benchmark *benchmark, enum choice choice,
                         const struct builtin_test *test)
{
    struct compare *compare = benchmark->compare;
    struct workload workloads[2];
    for (int i = 0; i < 2; i++)
        init_workload(&workloads[i], &compare->targets[i].options, choice, test);
    benchmark->reporter.title = workloads[0].title;
    compare_run(compare, workloads);
    for (int i = 0; i < 2; i++)
        workload_deinit(&workloads[i]);
}

static void run(struct benchmark *benchmark, enum choice choice, const struct builtin_test *test)
{
    if (benchmark->compare) {
        run_compared(benchmark, choice, test);
        return;
    }
    struct workload workload;
    init_workload(&workload, &benchmark->options, choice, test);
    do /* a command's last argument is read once */
        run_workload(benchmark, &workload);
    while (choice != CHOICE_BUILTIN && benchmark->options.is_looping);
    workload_deinit(&workload);
}

static bool is_selected(const struct options *options, const struct builtin_test *test)
{
    for (int k = 0; test->names[k]; k++)
        if (options_test_is_selected(options, test->names[k]))
            return true;
    return false;
}

/* False when -t names none of them. */
static bool run_builtin_tests(struct benchmark *benchmark)
{
    const struct builtin_test *tests;
    size_t count = workload_builtin_tests(&tests);
    bool has_run = false;
    for (size_t i = 0; i < count; i++) {
        if (!is_selected(&benchmark->options, &tests[i]))
            continue;
        run(benchmark, CHOICE_BUILTIN, &tests[i]);
        has_run = true;
    }
    return has_run;
}

/* Redis's says nothing; scripts that it was silent to go on. */
static void warn_of_unknown_tests(const struct options *options)
{
    for (const char *name = options->tests; name && *name;) {
        size_t size = strcspn(name, ",");
        if (!workload_is_builtin_test(name, size))
            fprintf(stderr, "WARNING: there is no test \"%.*s\"\n", (int)size, name);
        name += size;
        name += *name == ',';
    }
}

static void run_chosen(struct benchmark *benchmark)
{
    const struct options *options = &benchmark->options;
    bool has_run = true;
    do {
        if (options->handshakes)
            run(benchmark, CHOICE_HANDSHAKES, NULL);
        else if (options->ratio_sets + options->ratio_gets > 0)
            run(benchmark, CHOICE_RATIO, NULL);
        else if (options->command_argc > 0)
            run(benchmark, CHOICE_COMMAND, NULL);
        else
            has_run = run_builtin_tests(benchmark);
    } while (options->is_looping && has_run);
}

static void prepare_compare(struct benchmark *benchmark)
{
    struct compare *compare = mem_calloc(1, sizeof(*compare));
    compare_init(compare, &benchmark->options);
    compare->reporter = &benchmark->reporter;
    compare->files = &benchmark->files;
    for (int i = 0; i < 2; i++) {
        benchmark->options.tls.is_enabled |= compare->targets[i].options.tls.is_enabled;
        find_server(&compare->targets[i].options, &compare->targets[i].address);
    }
    benchmark->compare = compare;
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

static bool is_standard_output(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

int main(int argc, char **argv)
{
    enum { FILES_SPARE = 256 };
    mem_init();
    clock_update();
    signal(SIGPIPE, SIG_DFL); /* nobody reads what is printed: done. Sockets do without */
    struct benchmark *benchmark = mem_calloc(1, sizeof(*benchmark));
    struct options *options = &benchmark->options;
    options_parse(options, argc, argv);
    if (options->seed == 0)
        options->seed = clock_read_wall_us();
    warn_of_unknown_tests(options);
    benchmark->reporter.options = options;
    benchmark->reporter.is_silent =
        is_standard_output(options->json_path) || is_standard_output(options->hdr_path);
    benchmark->reporter.is_terminal = isatty(STDOUT_FILENO);
    if (options->compare[0])
        prepare_compare(benchmark);
    if (options->tls.is_enabled && tls_library_init() != 0)
        fatal("Could not initialize the TLS library");
    process_raise_files((uint64_t)options->clients + FILES_SPARE);
    result_files_open(&benchmark->files, options);
    if (!benchmark->compare)
        find_server(options, &benchmark->address);
    if (options->is_idle)
        run_idle(benchmark);
    if (!benchmark->compare && !options->handshakes)
        ask_server(benchmark);
    if (benchmark->compare)
        compare_begin_report(benchmark->compare);
    else
        report_begin(&benchmark->reporter);
    run_chosen(benchmark);
    if (!options->is_csv && options->command_argc == 0 && !benchmark->reporter.is_silent)
        printf("\n");
    result_files_close(&benchmark->files);
    if (benchmark->compare)
        compare_deinit(benchmark->compare);
    mem_free(benchmark->compare);
    mem_free(benchmark->reporter.save);
    mem_free(benchmark->reporter.appendonly);
    options_deinit(options);
    mem_free(benchmark);
    return 0;
}
