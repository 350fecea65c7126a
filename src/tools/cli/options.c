/* One table row per flag: what it takes and where it goes. TLS flags are tools/common's. */
#include "tools/cli/options.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SECRET_FILE_MAX = 64 * 1024 };

enum flag_kind { FLAG_TRUE, FLAG_CHOICE, FLAG_TEXT, FLAG_NUMBER, FLAG_DECIMAL, FLAG_SPECIAL };

struct flag {
    const char *name;
    enum flag_kind kind;
    size_t offset;
    int choice;         /* FLAG_CHOICE, an enum or an int; otherwise a mode to enter, or 0 */
    int64_t number_min; /* FLAG_NUMBER */
    int64_t number_max;
    int argument_count; /* FLAG_SPECIAL */
    void (*take)(struct cli_options *options, const char *value);
};

static _Noreturn void refuse(const char *flag, const char *value)
{
    fprintf(stderr, "Invalid value for %s: '%s'.\n", flag, value);
    exit(1);
}

/* -- flags that are more than a field -- */

static void take_password(struct cli_options *options, const char *value)
{
    options->password = value;
    options->is_password_on_line = true;
}

static void take_uri(struct cli_options *options, const char *value)
{
    char error[256];
    uri_deinit(&options->uri);
    if (uri_parse(value, &options->uri, error, sizeof(error)) != 0) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    const struct uri *uri = &options->uri;
    options->tls.is_enabled |= uri->is_tls;
    options->host = uri->host ? uri->host : options->host;
    options->port = uri->port ? uri->port : options->port;
    options->unix_path = uri->unix_path ? uri->unix_path : options->unix_path;
    options->user = uri->user ? uri->user : options->user;
    options->db = uri->db >= 0 ? uri->db : options->db;
    if (uri->password)
        take_password(options, uri->password);
}

static void take_json(struct cli_options *options, enum output_format output)
{
    options->output = output;
    if (!options->is_resp3)
        options->is_resp3_optional = true;
    options->is_resp3 = true;
}

static void take_plain_json(struct cli_options *options, const char *value)
{
    (void)value;
    take_json(options, OUTPUT_JSON);
}

static void take_quoted_json(struct cli_options *options, const char *value)
{
    (void)value;
    take_json(options, OUTPUT_QUOTED_JSON);
}

static void take_resp3(struct cli_options *options, const char *value)
{
    (void)value;
    options->is_resp3 = true;
    options->is_resp3_optional = false;
}

static void take_show_pushes(struct cli_options *options, const char *value)
{
    if (value[0] == 'y' || value[0] == 'Y')
        options->is_showing_pushes = true;
    else if (value[0] == 'n' || value[0] == 'N')
        options->is_showing_pushes = false;
    else
        fprintf(stderr, "Unknown --show-pushes value '%s' (valid: '[y]es', '[n]o')\n", value);
}

static void take_number(const char *flag, const char *value, int64_t min, int64_t *number)
{
    if (!number_parse_i64(bytes_of_text(value), number) || *number < min)
        refuse(flag, value);
}

static void take_keystats_samples(struct cli_options *options, const char *value)
{
    take_number("--keystats-samples", value, 0, &options->memkeys_samples);
    options->mode = MODE_KEYSTATS;
}

static void take_cursor(struct cli_options *options, const char *value)
{
    uint64_t cursor;
    if (!number_parse_u64(bytes_of_text(value), &cursor))
        refuse("--cursor", value);
    options->cursor = value;
}

static void take_tls_info(struct cli_options *options, const char *value)
{
    (void)value;
    options->tls.is_enabled = true;
    options->mode = MODE_TLS_INFO;
}

static void take_help(struct cli_options *options, const char *value)
{
    (void)options;
    (void)value;
    options_print_usage();
    exit(0);
}

static void take_version(struct cli_options *options, const char *value)
{
    (void)options;
    (void)value;
    printf("%s\n", options_version());
    exit(0);
}

const char *options_version(void)
{
    return "redis-cli 8.0.0";
}

/* -- the table -- */

// clang-format off
#define AT(field) offsetof(struct cli_options, field)
#define TRUE(word, field) {.name = word, .kind = FLAG_TRUE, .offset = AT(field)}
#define TEXT(word, field) {.name = word, .kind = FLAG_TEXT, .offset = AT(field)}
#define CHOICE(word, field, value) {.name = word, .kind = FLAG_CHOICE, .offset = AT(field), .choice = value}
#define NUMBER(word, field, min, max) \
    {.name = word, .kind = FLAG_NUMBER, .offset = AT(field), .number_min = min, .number_max = max}
#define DECIMAL(word, field) {.name = word, .kind = FLAG_DECIMAL, .offset = AT(field)}
#define MODE(word, value) CHOICE(word, mode, value)
#define SPECIAL(word, count, function) \
    {.name = word, .kind = FLAG_SPECIAL, .argument_count = count, .take = function}

static const struct flag flag_table[] = {
    TEXT("-h", host),
    NUMBER("-p", port, 0, 65535),
    TEXT("-s", unix_path),
    SPECIAL("-a", 1, take_password),
    SPECIAL("--pass", 1, take_password),
    TEXT("--user", user),
    TEXT("--pass-file", password_file),
    TRUE("--askpass", is_asking_password),
    TRUE("--no-auth-warning", is_silent_on_password),
    SPECIAL("-u", 1, take_uri),
    NUMBER("-n", db, 0, INT32_MAX),
    CHOICE("-4", family, AF_INET),
    CHOICE("-6", family, AF_INET6),
    DECIMAL("-t", timeout_s),
    TRUE("--tls-verify-host", is_verifying_host),
    TEXT("--key-pass-file", key_password_file),
    SPECIAL("--tls-info", 0, take_tls_info),
    MODE("--health", MODE_HEALTH),
    MODE("--live", MODE_LIVE),
    TRUE("-2", is_resp2),
    SPECIAL("-3", 0, take_resp3),
    NUMBER("-r", repeat, -1, INT64_MAX),
    DECIMAL("-i", interval_s),
    TRUE("-x", is_last_arg_of_stdin),
    TEXT("-X", stdin_tag),
    TEXT("-d", bulk_delimiter),
    TEXT("-D", reply_delimiter),
    TRUE("-c", is_redirecting),
    TRUE("-e", is_failing_fast),
    CHOICE("--raw", output, OUTPUT_RAW),
    CHOICE("--no-raw", output, OUTPUT_STANDARD),
    CHOICE("--csv", output, OUTPUT_CSV),
    SPECIAL("--json", 0, take_plain_json),
    SPECIAL("--quoted-json", 0, take_quoted_json),
    TRUE("--quoted-input", is_input_quoted),
    SPECIAL("--show-pushes", 1, take_show_pushes),
    TRUE("--verbose", is_verbose),
    MODE("--stat", MODE_STAT),
    MODE("--latency", MODE_LATENCY),
    MODE("--latency-history", MODE_LATENCY_HISTORY),
    MODE("--latency-dist", MODE_LATENCY_DIST),
    MODE("--scan", MODE_SCAN),
    TEXT("--pattern", pattern),
    TEXT("--quoted-pattern", quoted_pattern),
    NUMBER("--count", scan_count, 1, INT64_MAX),
    MODE("--bigkeys", MODE_BIGKEYS),
    MODE("--memkeys", MODE_MEMKEYS),
    {.name = "--memkeys-samples", .kind = FLAG_NUMBER, .offset = AT(memkeys_samples),
     .choice = MODE_MEMKEYS, .number_min = 0, .number_max = INT64_MAX},
    MODE("--keystats", MODE_KEYSTATS),
    SPECIAL("--keystats-samples", 1, take_keystats_samples),
    SPECIAL("--cursor", 1, take_cursor),
    MODE("--hotkeys", MODE_HOTKEYS),
    {.name = "--lru-test", .kind = FLAG_NUMBER, .offset = AT(mode_number),
     .choice = MODE_LRU_TEST, .number_min = 1, .number_max = INT64_MAX},
    {.name = "--intrinsic-latency", .kind = FLAG_NUMBER, .offset = AT(mode_number),
     .choice = MODE_INTRINSIC_LATENCY, .number_min = 1, .number_max = INT32_MAX},
    MODE("--pipe", MODE_PIPE),
    NUMBER("--pipe-timeout", pipe_timeout_s, 0, INT32_MAX),
    {.name = "--eval", .kind = FLAG_TEXT, .offset = AT(mode_text), .choice = MODE_EVAL},
    SPECIAL("--help", 0, take_help),
    SPECIAL("--version", 0, take_version),
    SPECIAL("-v", 0, take_version),
};

/* Known, and refused with a better word than "unrecognized". */
static const char *const unsupported[] = {
    "--cluster", "--rdb", "--functions-rdb", "--replica", "--slave", "--ldb", "--ldb-sync-mode",
    "--vset-recall",
};
// clang-format on

static void take_value(struct cli_options *options, const struct flag *flag, const char *value)
{
    char *field = (char *)options + flag->offset;
    bool is_valid = true;
    switch (flag->kind) {
    case FLAG_TRUE:
        *(bool *)field = true;
        break;
    case FLAG_CHOICE:
        *(int *)(void *)field = flag->choice;
        break;
    case FLAG_TEXT:
        memcpy(field, &value, sizeof(value));
        break;
    case FLAG_NUMBER: {
        int64_t number = 0;
        is_valid = number_parse_i64(bytes_of_text(value), &number) && number >= flag->number_min &&
                   number <= flag->number_max;
        memcpy(field, &number, sizeof(number));
        break;
    }
    case FLAG_DECIMAL: {
        double number = 0;
        is_valid = number_parse_double(bytes_of_text(value), &number) && number >= 0;
        memcpy(field, &number, sizeof(number));
        break;
    }
    case FLAG_SPECIAL:
        flag->take(options, value);
        break;
    }
    if (!is_valid)
        refuse(flag->name, value);
    if (flag->choice != 0 && flag->kind != FLAG_CHOICE)
        options->mode = (enum cli_mode)flag->choice;
}

static int argument_count(const struct flag *flag)
{
    switch (flag->kind) {
    case FLAG_TRUE:
    case FLAG_CHOICE:
        return 0;
    case FLAG_TEXT:
    case FLAG_NUMBER:
    case FLAG_DECIMAL:
        return 1;
    case FLAG_SPECIAL:
        return flag->argument_count;
    }
    panic("flag kind %d", (int)flag->kind);
}

/* --top N is how many keys --keystats lists; alone it is the live view. */
static int take_top(struct cli_options *options, int argc, char **argv, int index)
{
    int64_t number;
    if (index + 1 < argc && number_parse_i64(bytes_of_text(argv[index + 1]), &number)) {
        take_number("--top", argv[index + 1], 1, &options->keystats_top);
        return 2;
    }
    options->is_top_wanted = true;
    return 1;
}

/* How many words the flag at argv[index] takes, 0 when it is unknown, -1 when its value is missing.
 */
static int take_flag(struct cli_options *options, int argc, char **argv, int index)
{
    for (size_t i = 0; i < sizeof(flag_table) / sizeof(flag_table[0]); i++) {
        const struct flag *flag = &flag_table[i];
        if (strcmp(argv[index], flag->name) != 0)
            continue;
        int count = argument_count(flag);
        if (index + count >= argc)
            return -1;
        take_value(options, flag, count ? argv[index + 1] : "");
        return 1 + count;
    }
    if (strcmp(argv[index], "--top") == 0)
        return take_top(options, argc, argv, index);
    for (size_t i = 0; i < sizeof(unsupported) / sizeof(unsupported[0]); i++) {
        if (strcmp(argv[index], unsupported[i]) != 0)
            continue;
        options->mode = MODE_UNSUPPORTED;
        options->mode_text = argv[index];
        return argc - index;
    }
    return tls_flags_take(&options->tls, argc, argv, index);
}

static void set_defaults(struct cli_options *options)
{
    bool is_for_people = isatty(STDOUT_FILENO) || getenv("FAKETTY");
    *options = (struct cli_options){.host = "127.0.0.1",
                                    .port = 6379,
                                    .memkeys_samples = -1,
                                    .keystats_top = 10,
                                    .cursor = "0",
                                    .pipe_timeout_s = 30,
                                    .scan_count = 10,
                                    .bulk_delimiter = "\n",
                                    .reply_delimiter = "\n",
                                    .repeat = 1,
                                    .password = getenv("REDISCLI_AUTH"),
                                    .output = is_for_people ? OUTPUT_STANDARD : OUTPUT_RAW,
                                    .is_showing_pushes = is_for_people,
                                    .uri = {.db = -1}};
}

/* The first line of a file: what secrets are mounted as. */
static char *read_secret(const char *flag, const char *path)
{
    struct buffer text;
    buffer_init(&text, SECRET_FILE_MAX);
    int error = file_read(path, &text);
    if (error != 0) {
        fprintf(stderr, "Cannot read the file of %s, '%s': %s\n", flag, path,
                strerrordesc_np(-error));
        exit(1);
    }
    size_t size = text.data ? strcspn(text.data, "\r\n") : 0;
    if (size == 0) {
        fprintf(stderr, "The file of %s, '%s', has no password in its first line.\n", flag, path);
        exit(1);
    }
    char *secret = mem_dup(text.data, size + 1);
    secret[size] = '\0';
    explicit_bzero(text.data, text.size);
    buffer_deinit(&text);
    return secret;
}

static void read_password_files(struct cli_options *options)
{
    if (options->password_file && !options->is_asking_password)
        options->password = options->secrets[0] =
            read_secret("--pass-file", options->password_file);
    if (options->key_password_file)
        options->tls.settings.key_file_pass = options->secrets[1] =
            read_secret("--key-pass-file", options->key_password_file);
}

static void check(const struct cli_options *options)
{
    if (options->is_last_arg_of_stdin && options->stdin_tag) {
        fprintf(stderr, "Options -x and -X are mutually exclusive.\n");
        exit(1);
    }
    if (options->is_resp2 && options->is_resp3 && !options->is_resp3_optional) {
        fprintf(stderr, "Options -2 and -3 are mutually exclusive.\n");
        exit(1);
    }
    if (options->mode == MODE_UNSUPPORTED) {
        fprintf(stderr, "%s is not supported by this build yet.\n", options->mode_text);
        exit(1);
    }
    if (options->is_password_on_line && !options->is_silent_on_password)
        fputs("Warning: Using a password with '-a' or '-u' option on the command line interface "
              "may not be safe.\n",
              stderr);
}

int options_parse(struct cli_options *options, int argc, char **argv)
{
    set_defaults(options);
    int index = 1;
    while (index < argc && argv[index][0] == '-') {
        /* As in the reference, a lone -h asks for help. */
        if (index + 1 == argc && strcmp(argv[index], "-h") == 0)
            take_help(options, "");
        int count = take_flag(options, argc, argv, index);
        if (count <= 0) {
            fprintf(stderr, "Unrecognized option or bad number of args for: '%s'\n", argv[index]);
            exit(1);
        }
        index += count;
    }
    if (options->is_top_wanted && options->mode != MODE_KEYSTATS)
        options->mode = MODE_LIVE;
    read_password_files(options);
    check(options);
    return index;
}

void options_release(struct cli_options *options)
{
    for (size_t i = 0; i < sizeof(options->secrets) / sizeof(options->secrets[0]); i++)
        if (options->secrets[i])
            mem_free_secret(options->secrets[i], strlen(options->secrets[i]));
    uri_deinit(&options->uri);
}
