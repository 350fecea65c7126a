/* See workload.h. Test names, titles and commands are those of Redis 8.0's redis-benchmark. */
#include "tools/benchmark/workload.h"

#include "base/assert.h"
#include "base/memory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const size_t REQUEST_SIZE_MAX = (size_t)8 * 1024 * 1024 * 1024;

#define KEY          "key:__rand_int__"
#define KEY_AND_DATA KEY, "@data"
#define ELEMENT      "element:__rand_int__"

// clang-format off
static const struct builtin_test builtin_tests[] = {
    {"PING_INLINE", {"ping_inline", "ping"}, true, {"PING\r\n"}},
    {"PING_MBULK", {"ping_mbulk", "ping"}, false, {"PING"}},
    {"SET", {"set"}, false, {"SET", KEY_AND_DATA}},
    {"GET", {"get"}, false, {"GET", KEY}},
    {"INCR", {"incr"}, false, {"INCR", "counter:__rand_int__"}},
    {"LPUSH", {"lpush"}, false, {"LPUSH", "mylist", "@data"}},
    {"RPUSH", {"rpush"}, false, {"RPUSH", "mylist", "@data"}},
    {"LPOP", {"lpop"}, false, {"LPOP", "mylist"}},
    {"RPOP", {"rpop"}, false, {"RPOP", "mylist"}},
    {"SADD", {"sadd"}, false, {"SADD", "myset", ELEMENT}},
    {"HSET", {"hset"}, false, {"HSET", "myhash", ELEMENT, "@data"}},
    {"SPOP", {"spop"}, false, {"SPOP", "myset"}},
    {"ZADD", {"zadd"}, false, {"ZADD", "myzset", "@score", ELEMENT}},
    {"ZPOPMIN", {"zpopmin"}, false, {"ZPOPMIN", "myzset"}},
    {"LPUSH (needed to benchmark LRANGE)", {"lrange", "lrange_100", "lrange_300", "lrange_500", "lrange_600"}, false,
     {"LPUSH", "mylist", "@data"}},
    {"LRANGE_100 (first 100 elements)", {"lrange", "lrange_100"}, false, {"LRANGE", "mylist", "0", "99"}},
    {"LRANGE_300 (first 300 elements)", {"lrange", "lrange_300"}, false, {"LRANGE", "mylist", "0", "299"}},
    {"LRANGE_500 (first 500 elements)", {"lrange", "lrange_500"}, false, {"LRANGE", "mylist", "0", "499"}},
    {"LRANGE_600 (first 600 elements)", {"lrange", "lrange_600"}, false, {"LRANGE", "mylist", "0", "599"}},
    {"MSET (10 keys)", {"mset"}, false,
     {"MSET", KEY_AND_DATA, KEY_AND_DATA, KEY_AND_DATA, KEY_AND_DATA, KEY_AND_DATA,
      KEY_AND_DATA, KEY_AND_DATA, KEY_AND_DATA, KEY_AND_DATA, KEY_AND_DATA}},
    {"XADD", {"xadd"}, false, {"XADD", "mystream", "*", "myfield", "@data"}},
};
// clang-format on

size_t workload_builtin_tests(const struct builtin_test **tests)
{
    *tests = builtin_tests;
    return sizeof(builtin_tests) / sizeof(builtin_tests[0]);
}

bool workload_is_builtin_test(const char *name, size_t size)
{
    for (size_t i = 0; i < sizeof(builtin_tests) / sizeof(builtin_tests[0]); i++) {
        for (int k = 0; builtin_tests[i].names[k]; k++) {
            const char *own = builtin_tests[i].names[k];
            if (strlen(own) == size && strncasecmp(own, name, size) == 0)
                return true;
        }
    }
    return false;
}

/* -- building requests -- */

static void append(struct buffer *buffer, const void *data, size_t size)
{
    if (buffer_append(buffer, data, size) != 0) {
        fprintf(stderr, "The requests of one pipeline are too large\n");
        exit(1);
    }
}

static void append_header(struct buffer *buffer, char type, size_t value)
{
    char header[32];
    int size = snprintf(header, sizeof(header), "%c%zu\r\n", type, value);
    append(buffer, header, (size_t)size);
}

static void append_command(struct buffer *buffer, size_t argc, const struct bytes *args)
{
    append_header(buffer, '*', argc);
    for (size_t i = 0; i < argc; i++) {
        append_header(buffer, '$', args[i].size);
        append(buffer, args[i].data, args[i].size);
        append(buffer, "\r\n", 2);
    }
}

static void greet(struct workload *workload, const char *first, const char *second,
                  const char *third)
{
    const char *words[] = {first, second, third};
    struct bytes args[3];
    size_t argc = 0;
    for (size_t i = 0; i < 3; i++) {
        if (words[i])
            args[argc++] = bytes_of_text(words[i]);
    }
    append_command(&workload->greeting, argc, args);
    workload->greeting_count++;
}

static void build_greeting(struct workload *workload, const struct options *options)
{
    if (options->password && options->user)
        greet(workload, "AUTH", options->user, options->password);
    else if (options->password)
        greet(workload, "AUTH", options->password, NULL);
    if (options->is_resp3)
        greet(workload, "HELLO", "3", NULL);
    if (options->has_tracking)
        greet(workload, "CLIENT", "TRACKING", "on");
    if (options->db > 0) {
        char db[24];
        snprintf(db, sizeof(db), "%lld", (long long)options->db);
        greet(workload, "SELECT", db, NULL);
    }
}

void workload_init_idle(struct workload *workload, const struct options *options)
{
    *workload = (struct workload){.title = mem_strdup("idle")};
    buffer_init(&workload->request, REQUEST_SIZE_MAX);
    buffer_init(&workload->greeting, REQUEST_SIZE_MAX);
    build_greeting(workload, options);
}

/* Repeats the one request in the buffer for the pipeline, then finds the placeholders. */
static void finish(struct workload *workload, const struct options *options)
{
    struct buffer *request = &workload->request;
    size_t one = request->size;
    for (int64_t i = 1; i < options->pipeline; i++) {
        char *room = buffer_reserve(request, one);
        if (!room) {
            fprintf(stderr, "The requests of one pipeline are too large\n");
            exit(1);
        }
        memcpy(room, request->data, one);
        buffer_commit(request, one);
    }
    if (!options->has_random_keys)
        return;
    size_t capacity = 0;
    const char *end = request->data + request->size;
    const char *from = request->data;
    while ((from = memmem(from, (size_t)(end - from), WORKLOAD_PLACEHOLDER, PLACEHOLDER_SIZE)) !=
           NULL) {
        if (workload->placeholder_count == capacity) {
            capacity = capacity ? capacity * 2 : 16;
            workload->placeholders =
                mem_realloc(workload->placeholders, capacity * sizeof(*workload->placeholders));
        }
        workload->placeholders[workload->placeholder_count++] = (size_t)(from - request->data);
        from += PLACEHOLDER_SIZE;
    }
}

/* -- built-in tests -- */

char *workload_make_data(size_t size)
{
    char *data = mem_alloc(size + 1);
    uint32_t state = 1234;
    for (size_t i = 0; i < size; i++) {
        state = state * 1103515245 + 12345;
        data[i] = (char)('0' + ((state >> 16) & 63));
    }
    data[size] = '\0';
    return data;
}

/* Values of differing sizes; false when the test has no values. */
static bool compose_builtin(struct workload *workload, const struct options *options,
                            const struct builtin_test *test)
{
    const char *args[sizeof(test->args) / sizeof(test->args[0])];
    size_t argc = 0;
    bool has_value = false;
    while (argc < sizeof(args) / sizeof(args[0]) && test->args[argc]) {
        const char *arg = test->args[argc];
        has_value |= strcmp(arg, "@data") == 0;
        if (strcmp(arg, "@score") == 0)
            arg = options->has_random_keys ? WORKLOAD_PLACEHOLDER : "0";
        args[argc++] = arg;
    }
    if (has_value)
        composition_add(&workload->composition, options, args, argc, 1);
    return has_value;
}

void workload_init_builtin(struct workload *workload, const struct options *options,
                           const struct builtin_test *test)
{
    workload_init_idle(workload, options);
    mem_free(workload->title);
    workload->title = mem_strdup(test->title);
    if (test->is_inline) {
        append(&workload->request, test->args[0], strlen(test->args[0]));
        finish(workload, options);
        return;
    }
    if (options->data_size_max > 0 && compose_builtin(workload, options, test))
        return;
    size_t data_size = (size_t)options->data_size;
    char *data = workload_make_data(data_size);
    const char *score = options->has_random_keys ? WORKLOAD_PLACEHOLDER : "0";
    struct bytes args[sizeof(test->args) / sizeof(test->args[0])];
    size_t argc = 0;
    while (argc < sizeof(args) / sizeof(args[0]) && test->args[argc]) {
        const char *arg = test->args[argc];
        if (strcmp(arg, "@data") == 0)
            args[argc++] = bytes_of(data, data_size);
        else
            args[argc++] = bytes_of_text(strcmp(arg, "@score") == 0 ? score : arg);
    }
    append_command(&workload->request, argc, args);
    mem_free(data);
    finish(workload, options);
}

void workload_init_ratio(struct workload *workload, const struct options *options)
{
    static const char *const set[] = {"SET", KEY_AND_DATA};
    static const char *const get[] = {"GET", KEY};
    uint64_t sets = (uint64_t)options->ratio_sets;
    uint64_t gets = (uint64_t)options->ratio_gets;
    char title[64];
    snprintf(title, sizeof(title), "SET:GET %llu:%llu", (unsigned long long)sets,
             (unsigned long long)gets);
    workload_init_idle(workload, options);
    mem_free(workload->title);
    workload->title = mem_strdup(title);
    if (sets > 0)
        composition_add(&workload->composition, options, set, 3, sets);
    if (gets > 0)
        composition_add(&workload->composition, options, get, 2, gets);
}

void workload_init_handshakes(struct workload *workload, const struct options *options)
{
    workload_init_idle(workload, options);
    mem_free(workload->title);
    workload->title = mem_strdup(options->handshakes == HANDSHAKES_RESUMED ? "HANDSHAKES (resumed)"
                                                                           : "HANDSHAKES (full)");
    workload->is_handshakes = true;
    append(&workload->request, "*1\r\n$4\r\nPING\r\n", 14);
}

/* -- the user's command -- */

static int read_stdin(struct buffer *input)
{
    for (;;) {
        enum { BLOCK_SIZE = 64 * 1024 };
        char *room = buffer_reserve(input, BLOCK_SIZE);
        if (!room)
            return -1;
        size_t size = fread(room, 1, BLOCK_SIZE, stdin);
        buffer_commit(input, size);
        if (size < BLOCK_SIZE)
            return ferror(stdin) ? -1 : 0;
    }
}

/* The argument with its data in place; the caller frees it. */
static char *fill_data(const char *argument, struct bytes data)
{
    struct buffer filled;
    buffer_init(&filled, REQUEST_SIZE_MAX);
    const char *found;
    append(&filled, "", 0);
    while ((found = strstr(argument, WORKLOAD_DATA)) != NULL) {
        append(&filled, argument, (size_t)(found - argument));
        append(&filled, data.data, data.size);
        argument = found + sizeof(WORKLOAD_DATA) - 1;
    }
    append(&filled, argument, strlen(argument) + 1);
    return buffer_take(&filled);
}

int workload_init_command(struct workload *workload, const struct options *options)
{
    workload_init_idle(workload, options);
    struct buffer title;
    struct buffer input;
    buffer_init(&title, REQUEST_SIZE_MAX);
    buffer_init(&input, BENCHMARK_DATA_SIZE_MAX);
    size_t argc = (size_t)options->command_argc;
    struct bytes *args = mem_calloc(argc + 1, sizeof(*args));
    char **filled = mem_calloc(argc, sizeof(*filled));
    size_t data_size = (size_t)options->data_size;
    char *data = workload_make_data(data_size);
    for (size_t i = 0; i < argc; i++) {
        const char *argument = options->command_argv[i];
        append(&title, i ? " " : "", i ? 1 : 0);
        append(&title, argument, strlen(argument));
        filled[i] = fill_data(argument, bytes_of(data, data_size));
        args[i] = bytes_of_text(filled[i]);
    }
    mem_free(data);
    int result = options->reads_stdin ? read_stdin(&input) : 0;
    if (options->reads_stdin)
        args[argc++] = buffer_bytes(&input);
    append_command(&workload->request, argc, args);
    workload->command_size = workload->request.size;
    finish(workload, options);
    mem_free(workload->title);
    workload->title = buffer_take(&title);
    for (int i = 0; i < options->command_argc; i++)
        mem_free(filled[i]);
    mem_free(filled);
    mem_free(args);
    buffer_deinit(&input);
    return result;
}

void workload_deinit(struct workload *workload)
{
    mem_free(workload->title);
    buffer_deinit(&workload->request);
    buffer_deinit(&workload->greeting);
    mem_free(workload->placeholders);
    composition_deinit(&workload->composition);
    *workload = (struct workload){0};
}
