/* Fuzz target of the request parser (libFuzzer's signature). The first byte chooses the limits and
 * how the rest is cut into pieces; the parser must neither crash nor look past the bytes it was
 * given, and must find the same requests however the stream is cut.
 *
 *   clang: -fsanitize=fuzzer,address -DFUZZ_NO_MAIN; gcc: the main below runs built-in seeds, files
 *   named as arguments, and a number of mutations of each.
 */
#include "base/assert.h"
#include "protocol/resp_parser.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    uint64_t hash; /* of all arguments, in order */
    int requests;
    bool has_error;
};

static void mix(struct outcome *outcome, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++)
        outcome->hash = (outcome->hash ^ bytes[i]) * 1099511628211u;
    outcome->hash = (outcome->hash ^ size) * 1099511628211u;
}

struct stream {
    char *pending;
    size_t size;
};

static void drop(struct stream *stream, size_t offset, size_t size)
{
    assert(offset + size <= stream->size);
    memmove(stream->pending + offset, stream->pending + offset + size,
            stream->size - offset - size);
    stream->size -= size;
}

/* One call on a copy of exactly the pending bytes. */
static enum resp_result parse_exact(struct resp_parser *parser, struct stream *stream)
{
    char *exact = malloc(stream->size + 1);
    memcpy(exact + 1, stream->pending, stream->size);
    enum resp_result result = resp_parse(parser, exact + 1, stream->size);
    memcpy(stream->pending, exact + 1, stream->size);
    free(exact);
    return result;
}

/* False when the parser wants more input or the stream is over. */
static bool step(struct resp_parser *parser, struct stream *stream, struct outcome *outcome)
{
    switch (parse_exact(parser, stream)) {
    case RESP_NEED_INPUT:
        return false;
    case RESP_ERROR:
        outcome->has_error = true;
        assert(strncmp(parser->error_text, "Protocol error: ", 16) == 0);
        return false;
    case RESP_LARGE_BULK: {
        assert(parser->position <= stream->size);
        if (stream->size - parser->position < parser->large_size + 2)
            return false;
        mix(outcome, stream->pending + parser->position, parser->large_size);
        drop(stream, parser->position, parser->large_size + 2);
        resp_parser_large_done(parser, outcome);
        return true;
    }
    case RESP_REQUEST:
        outcome->requests++;
        for (int32_t i = 0; i < parser->argc; i++) {
            struct resp_arg *arg = &parser->args[i];
            assert(arg->large || (size_t)arg->offset + arg->size <= parser->consumed);
            mix(outcome, stream->pending + arg->offset, arg->size);
        }
        break;
    case RESP_EMPTY:
        break;
    }
    assert(parser->consumed > 0);
    drop(stream, 0, parser->consumed);
    resp_parser_next(parser);
    return true;
}

static struct outcome run(const struct resp_limits *limits, const char *data, size_t size,
                          size_t piece)
{
    struct outcome outcome = {.hash = 14695981039346656037u};
    struct resp_parser parser;
    resp_parser_init(&parser, limits);
    struct stream stream = {.pending = malloc(size + 1)};
    size_t done = 0;
    while (done < size && !outcome.has_error) {
        size_t part = piece < size - done ? piece : size - done;
        memcpy(stream.pending + stream.size, data + done, part);
        stream.size += part;
        done += part;
        while (step(&parser, &stream, &outcome))
            continue;
    }
    free(stream.pending);
    resp_parser_deinit(&parser);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct resp_limits limits = {.bulk_size_max = 1 << 20,
                                 .query_size_max = 1 << 24,
                                 .argc_max = RESP_ARGC_MAX,
                                 .is_authenticated = data[0] & 1};
    const char *text = (const char *)data + 1;
    struct outcome whole = run(&limits, text, size - 1, size);
    struct outcome split = run(&limits, text, size - 1, 1 + data[0] / 4);
    assert(whole.requests == split.requests);
    assert(whole.has_error == split.has_error);
    assert(whole.has_error || whole.hash == split.hash);
    return 0;
}

#ifndef FUZZ_NO_MAIN
static const char *const seeds[] = {
    "\001*1\r\n$4\r\nPING\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10\r\n0123456789\r\n",
    "\007*0\r\nPING\r\n*-1\r\n\r\nSET \"a\\x41\" 'b c'\r\n*2\r\n$3\r\nGET\r\n$0\r\n\r\n",
    "\004*11\r\n$1\r\na\r\n",
    "\021*2\r\n$3\r\nGET\r\n$40000\r\nabc",
    "\003*1048576\r\n$1\r\na\r\n$-1\r\n",
};

static void run_mutated(const char *seed, size_t size, unsigned rounds)
{
    static const char alphabet[] = "\r\n$*-0129x\"'\\ ";
    uint8_t *copy = malloc(size);
    for (unsigned i = 0; i < rounds; i++) {
        memcpy(copy, seed, size);
        for (int k = rand() % 5; k >= 0; k--)
            copy[(size_t)rand() % size] = (uint8_t)(rand() % 2 ? alphabet[rand() % 14] : rand());
        LLVMFuzzerTestOneInput(copy, size - (size_t)rand() % (size / 2));
    }
    free(copy);
}

int main(int argc, char **argv)
{
    enum { ROUNDS = 20000, FILE_SIZE_MAX = 1 << 20 };
    for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
        size_t size = strlen(seeds[i]);
        LLVMFuzzerTestOneInput((const uint8_t *)seeds[i], size);
        run_mutated(seeds[i], size, ROUNDS);
    }
    static char file_data[FILE_SIZE_MAX];
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (!file)
            continue;
        size_t size = fread(file_data, 1, sizeof(file_data), file);
        fclose(file);
        LLVMFuzzerTestOneInput((const uint8_t *)file_data, size);
        if (size > 1)
            run_mutated(file_data, size, 100);
    }
    puts("fuzz_resp_parser: done");
    return 0;
}
#endif
