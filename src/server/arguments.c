/* The command line, with Redis's rules: an optional configuration file first, "-" for standard
 * input, and "--name value ..." turned into lines of configuration. */
#include "server/arguments.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/version.h"

static const char usage[] =
    "Usage: redis-server [/path/to/redis.conf] [options] [-]\n"
    "       redis-server - (read config from stdin)\n"
    "       redis-server -v or --version\n"
    "       redis-server -h or --help\n"
    "       redis-server [...] --check-config (load the configuration, say whether it is right)\n"
    "\n"
    "Every directive of the configuration file is an option as well: --port 6380.\n"
    "\n"
    "Examples:\n"
    "       redis-server (run the server with default conf)\n"
    "       echo 'maxmemory 128mb' | redis-server -\n"
    "       redis-server /etc/redis/redis.conf\n"
    "       redis-server --port 0 --tls-port 6379 --tls-cert-file server.crt \\\n"
    "                    --tls-key-file server.key --tls-ca-cert-file ca.crt\n"
    "       redis-server --port 7777 --replicaof 127.0.0.1 8888\n"
    "       redis-server /etc/redis/redis.conf --loglevel verbose -\n"
    "\n"
    "Environment: REDIS_PASSWORD, or REDIS_PASSWORD_FILE, when no requirepass is given.\n";

void arguments_version(struct buffer *out)
{
    buffer_printf(out,
                  "Redis server v=" REDIS_VERSION " sha=" BUILD_GIT_SHA1
                  ":%d malloc=%s bits=%d build=%" PRIx64 " " SLUICE_NAME "=" SLUICE_VERSION,
                  BUILD_GIT_DIRTY, mem_allocator_name(), (int)sizeof(void *) * 8,
                  version_build_id());
}

static enum arguments_result print_version(void)
{
    struct buffer out;
    buffer_init(&out, 1024);
    arguments_version(&out);
    printf("%s\n", out.data);
    buffer_deinit(&out);
    return ARGUMENTS_DONE;
}

static enum arguments_result refuse(const char *reason)
{
    fprintf(stderr, "%s\n", reason);
    return ARGUMENTS_ERROR;
}

/* Arguments that stand alone; ARGUMENTS_RUN when argv[1] is none of them. */
static enum arguments_result run_special(int argc, char **argv)
{
    const char *program = strrchr(argv[0], '/');
    program = program ? program + 1 : argv[0];
    bool is_sentinel = strstr(program, "redis-sentinel") != NULL;
    for (int i = 1; i < argc; i++)
        is_sentinel = is_sentinel || strcmp(argv[i], "--sentinel") == 0;
    if (is_sentinel)
        return refuse(
            "Sentinel mode is not supported. Run redis-sentinel of Redis or Valkey beside "
            "this server instead: it can monitor it.");
    if (argc < 2)
        return ARGUMENTS_RUN;
    const char *first = argv[1];
    if (strcmp(first, "-v") == 0 || strcmp(first, "--version") == 0)
        return print_version();
    if (strcmp(first, "-h") == 0 || strcmp(first, "--help") == 0) {
        printf("%s", usage);
        return ARGUMENTS_DONE;
    }
    if (strcmp(first, "--test-memory") == 0)
        return refuse("--test-memory is not supported: use memtest86+ or memtester.");
    if (strcmp(first, "--check-system") == 0)
        return refuse("--check-system is not supported: what the system lacks is logged at start.");
    return ARGUMENTS_RUN;
}

/* How many words an argument like "--port 6380" holds. */
static int count_words(const char *text)
{
    int count;
    char **words = text_split_args(text, &count, NULL);
    text_free_args(words, count);
    return words ? count : 0;
}

static bool is_option_name(const char *text)
{
    return text[0] == '-' && text[1] == '-';
}

/* Appends "\nname " for "--name". Returns false when it already brought its value along. `--save`
 * followed by another option, or by nothing, stands for `save ""`: command lines are made from
 * lists that may be empty. */
static bool add_name(struct buffer *options, const char *text, const char *next)
{
    if (options->size > 0)
        buffer_append_text(options, "\n");
    buffer_printf(options, "%s ", text + 2);
    if (count_words(text) != 1)
        return false;
    bool is_save = strcasecmp(text, "--save") == 0;
    if (is_save && (!next || is_option_name(next)))
        buffer_append_text(options, "\"\"");
    return !(is_save && next && is_option_name(next));
}

static int add_value(struct buffer *options, const char *text)
{
    if (text_quote(options, bytes_of_text(text)) < 0)
        return -1;
    return buffer_append_text(options, " ");
}

enum arguments_result arguments_parse(int argc, char **argv, struct arguments *arguments)
{
    *arguments = (struct arguments){0};
    buffer_init_secret(&arguments->options, ARGUMENTS_SIZE_MAX);
    enum arguments_result special = run_special(argc, argv);
    if (special != ARGUMENTS_RUN)
        return special;
    int first = 1;
    if (argc > 1 && strcmp(argv[first], "--check-config") == 0) {
        arguments->checks_config = true;
        first++;
    }
    if (first < argc && argv[first][0] != '-')
        arguments->config_path = argv[first++];
    bool wants_value = false; /* of the option named last: then even "--x" is a value */
    for (int i = first; i < argc; i++) {
        bool is_end = i == 1 || i == argc - 1;
        if (strcmp(argv[i], "-") == 0 && is_end) {
            arguments->reads_stdin = true;
        } else if (!wants_value && strcmp(argv[i], "--check-config") == 0) {
            arguments->checks_config = true;
        } else if (!wants_value && is_option_name(argv[i])) {
            wants_value = add_name(&arguments->options, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
        } else {
            if (add_value(&arguments->options, argv[i]) < 0)
                return refuse("The command line is too long.");
            wants_value = false;
        }
    }
    arguments->has_options = arguments->options.size > 0;
    return ARGUMENTS_RUN;
}

void arguments_deinit(struct arguments *arguments)
{
    buffer_deinit(&arguments->options);
}
