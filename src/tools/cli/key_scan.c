/* See key_scan.h. And --scan itself, which prints what comes. */
#include "tools/cli/key_scan.h"
#include "tools/cli/format_reply.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "tools/cli/arguments.h"
#include "tools/cli/interrupts.h"
#include <stdio.h>
#include <stdlib.h>

enum { COMMAND_WORDS_MAX = 8 };

int key_scan_init(struct key_scan *scan, struct cli *cli)
{
    const struct cli_options *options = &cli->options;
    *scan = (struct key_scan){.cli = cli};
    text_copy(scan->cursor, sizeof(scan->cursor), options->cursor);
    if (options->quoted_pattern) {
        if (arguments_unquote(options->quoted_pattern, &scan->pattern) == 0)
            return 0;
        fprintf(stderr, "Invalid quoted string specified for --quoted-pattern.\n");
        return -1;
    }
    if (options->pattern)
        scan->pattern = bytes_of(mem_strdup(options->pattern), strlen(options->pattern));
    return 0;
}

void key_scan_deinit(struct key_scan *scan)
{
    reply_value_free(scan->page);
    mem_free((void *)(uintptr_t)scan->pattern.data);
}

/* NULL when interrupted. */
static struct reply_value *call(struct key_scan *scan, int argc, const struct bytes *words)
{
    struct reply_value *reply = sync_client_call(scan->cli->client, argc, words);
    if (reply && reply->type == REPLY_ERROR) {
        fprintf(stderr, "ERROR: %s\n", reply->text.data);
        exit(1);
    }
    scan->cli->reply_count++;
    if (reply)
        return reply;
    scan->is_interrupted = strcmp(sync_client_error(scan->cli->client), "Interrupted") == 0;
    if (scan->is_interrupted)
        return NULL;
    cli_print_error(scan->cli);
    exit(1);
}

const struct reply_value *key_scan_next(struct key_scan *scan)
{
    if (scan->is_interrupted || (scan->page && strcmp(scan->cursor, "0") == 0))
        return NULL;
    char count[NUMBER_I64_TEXT_MAX];
    size_t count_size = number_format_i64(count, scan->cli->options.scan_count);
    struct bytes words[6] = {BYTES_LITERAL("SCAN"), bytes_of_text(scan->cursor)};
    int argc = 2;
    if (scan->pattern.data) {
        words[argc++] = BYTES_LITERAL("MATCH");
        words[argc++] = scan->pattern;
    }
    words[argc++] = BYTES_LITERAL("COUNT");
    words[argc++] = bytes_of(count, count_size);
    struct reply_value *page = call(scan, argc, words);
    if (!page)
        return NULL;
    bool is_page = page->type == REPLY_ARRAY && page->count == 2 &&
                   page->elements[0].type == REPLY_STRING && page->elements[1].type == REPLY_ARRAY;
    if (!is_page) {
        fprintf(stderr, "ERROR: SCAN replied with something else than a page of keys\n");
        exit(1);
    }
    reply_value_free(scan->page);
    scan->page = page;
    scan->page_count++;
    text_copy(scan->cursor, sizeof(scan->cursor), page->elements[0].text.data);
    return &page->elements[1];
}

bool key_scan_ask(struct key_scan *scan, size_t count, key_command *make, const void *context,
                  struct reply_value **replies)
{
    struct sync_client *client = scan->cli->client;
    bool is_sent = true;
    for (size_t i = 0; i < count && is_sent; i++) {
        struct bytes words[COMMAND_WORDS_MAX];
        int argc = make(context, i, words);
        if (argc > 0)
            is_sent = sync_client_send(client, argc, words) == 0;
    }
    memset(replies, 0, count * sizeof(*replies));
    for (size_t i = 0; i < count; i++) {
        struct bytes words[COMMAND_WORDS_MAX];
        if (make(context, i, words) == 0)
            continue;
        enum sync_result result =
            is_sent ? sync_client_read(client, -1, -1, &replies[i]) : SYNC_FAILED;
        if (result == SYNC_INTERRUPTED) {
            scan->is_interrupted = true;
            key_scan_free(replies, i);
            return false;
        }
        if (result != SYNC_REPLY) {
            cli_print_error(scan->cli);
            exit(1);
        }
    }
    return true;
}

void key_scan_free(struct reply_value **replies, size_t count)
{
    for (size_t i = 0; i < count; i++)
        reply_value_free(replies[i]);
}

unsigned long long key_scan_number(const struct reply_value *reply)
{
    bool is_number = reply && reply->type == REPLY_INTEGER && reply->integer > 0;
    return is_number ? (unsigned long long)reply->integer : 0;
}

unsigned long long key_scan_total(struct key_scan *scan)
{
    const struct bytes words[] = {BYTES_LITERAL("DBSIZE")};
    struct reply_value *reply = call(scan, 1, words);
    unsigned long long total = key_scan_number(reply);
    reply_value_free(reply);
    return total;
}

void key_scan_pause(struct key_scan *scan, unsigned period)
{
    double interval_s = scan->cli->options.interval_s;
    if (interval_s > 0 && scan->page_count % period == 0 && !scan->is_interrupted)
        scan->is_interrupted = sync_client_pause(scan->cli->client, (int64_t)(interval_s * 1e6));
}

/* -- --scan -- */

static void print_keys(const struct cli *cli, const struct reply_value *keys)
{
    struct buffer out;
    buffer_init(&out, FORMATTED_SIZE_MAX);
    for (size_t i = 0; i < keys->count; i++) {
        if (cli->options.output == OUTPUT_STANDARD)
            text_quote(&out, keys->elements[i].text);
        else
            buffer_append_bytes(&out, keys->elements[i].text);
        buffer_append(&out, "\n", 1);
    }
    fwrite(out.data ? out.data : "", 1, out.size, stdout);
    fflush(stdout);
    buffer_deinit(&out);
}

int scan_mode(struct cli *cli)
{
    struct key_scan scan;
    if (key_scan_init(&scan, cli) != 0)
        return 1;
    cli_require_connection(cli);
    const struct reply_value *keys;
    while ((keys = key_scan_next(&scan))) {
        print_keys(cli, keys);
        key_scan_pause(&scan, 1);
    }
    key_scan_deinit(&scan);
    return 0;
}
