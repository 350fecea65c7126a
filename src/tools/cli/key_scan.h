/* Walking over the keys with SCAN, for the modes that do. */
#ifndef TOOLS_CLI_KEY_SCAN_H
#define TOOLS_CLI_KEY_SCAN_H

#include "tools/cli/cli.h"

struct key_scan {
    struct cli *cli;
    char cursor[32];
    struct bytes pattern; /* owned; data NULL for none */
    struct reply_value *page;
    uint64_t page_count;
    bool is_interrupted;
};

/* -1 after printing why: a --quoted-pattern that cannot be read. */
int key_scan_init(struct key_scan *scan, struct cli *cli) MUST_CHECK;
void key_scan_deinit(struct key_scan *scan);
/* The next page's keys (may be empty), NULL at the end or when interrupted. Valid until the next
 * call. Errors end the process. */
const struct reply_value *key_scan_next(struct key_scan *scan);
/* Sends `count` commands of `argc` words, which `make` writes for a key index, and reads their
 * replies into replies[0..count), NULL where make had no command. The caller frees them
 * (key_scan_free). False when interrupted; errors of the connection end the process. */
typedef int key_command(const void *context, size_t index, struct bytes *words);
bool key_scan_ask(struct key_scan *scan, size_t count, key_command *make, const void *context,
                  struct reply_value **replies) MUST_CHECK;
void key_scan_free(struct reply_value **replies, size_t count);
/* Reads a number out of a reply that is one. */
unsigned long long key_scan_number(const struct reply_value *reply);
/* DBSIZE. */
unsigned long long key_scan_total(struct key_scan *scan);
/* The -i pause: after every `period` pages. */
void key_scan_pause(struct key_scan *scan, unsigned period);

#endif
