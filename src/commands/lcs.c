/* LCS: the longest common subsequence of two strings. Main thread.
 *
 * The table of lengths is computed row by row, and only two rows of it exist. What the way back
 * needs of each cell is one bit: whether the length above is greater than the one to the left. So a
 * comparison that Redis allows (four bytes a cell, at most proto-max-bulk-len) takes a
 * thirty-second of that here.
 */
#include "base/memory.h"
#include "client/client_options.h"
#include "commands/all.h"
#include "commands/command_rows.h"
#include "dispatch/call.h"

struct lcs_options {
    bool only_length;
    bool wants_ranges;
    bool wants_range_length;
    int64_t range_length_min;
};

struct lcs {
    struct bytes a;
    struct bytes b;
    uint32_t *rows;  /* two of b.size + 1 */
    uint64_t *is_up; /* bit (i * (b.size + 1) + j); NULL when only the length is wanted */
    uint32_t length;
};

static bool parse_options(struct call *call, struct lcs_options *options)
{
    for (int i = 3; i < call->argc; i++) {
        if (call_is(call, i, "idx")) {
            options->wants_ranges = true;
        } else if (call_is(call, i, "len")) {
            options->only_length = true;
        } else if (call_is(call, i, "withmatchlen")) {
            options->wants_range_length = true;
        } else if (call_is(call, i, "minmatchlen") && i + 1 < call->argc) {
            if (!call_integer(call, ++i, &options->range_length_min, NULL))
                return false;
        } else {
            return call_syntax_error(call);
        }
    }
    if (options->wants_ranges && options->only_length) {
        reply_error(call->reply,
                    "ERR If you want both the length and indexes, please just use IDX.");
        return false;
    }
    return true;
}

/* The strings to compare, empty when absent; false with the error written. */
static bool find_strings(struct call *call, struct lcs *lcs, char scratch[2][NUMBER_I64_TEXT_MAX])
{
    struct bytes *strings[2] = {&lcs->a, &lcs->b};
    for (int i = 0; i < 2; i++) {
        const struct entry *entry = db_find_read(call->db, call_key(call, i + 1));
        if (entry && !entry_is_string(entry)) {
            reply_error(call->reply, "ERR The specified keys must contain string values");
            return false;
        }
        *strings[i] = entry ? entry_string(entry, scratch[i]) : bytes_of("", 0);
    }
    return true;
}

/* Room for the computation, bounded; false with the error written. */
static bool prepare(struct call *call, struct lcs *lcs, bool with_way_back)
{
    uint64_t limit = (uint64_t)call->services->client_settings->proto_max_bulk_len;
    if (lcs->a.size >= UINT32_MAX - 1 || lcs->b.size >= UINT32_MAX - 1) {
        reply_error(call->reply, "ERR String too long for LCS");
        return false;
    }
    uint64_t cells = (uint64_t)(lcs->a.size + 1) * (lcs->b.size + 1);
    if (cells > UINT64_MAX / sizeof(uint32_t) || cells * sizeof(uint32_t) > limit) {
        reply_error(call->reply, "ERR Insufficient memory, transient memory for LCS exceeds "
                                 "proto-max-bulk-len");
        return false;
    }
    lcs->rows = mem_try_calloc(2 * (lcs->b.size + 1), sizeof(uint32_t));
    if (with_way_back)
        lcs->is_up = mem_try_calloc(cells / 64 + 1, sizeof(uint64_t));
    if (lcs->rows && (lcs->is_up || !with_way_back))
        return true;
    reply_error(call->reply, "ERR Insufficient memory, failed allocating transient memory for LCS");
    return false;
}

/* Fills one row from the one above; row[0] stays 0. */
static void compute_row(struct lcs *lcs, size_t i, const uint32_t *above, uint32_t *row)
{
    char c = lcs->a.data[i - 1];
    uint64_t bit = i * (lcs->b.size + 1);
    for (size_t j = 1; j <= lcs->b.size; j++) {
        if (c == lcs->b.data[j - 1]) {
            row[j] = above[j - 1] + 1;
            continue;
        }
        bool up = above[j] > row[j - 1];
        row[j] = up ? above[j] : row[j - 1];
        if (lcs->is_up)
            lcs->is_up[(bit + j) / 64] |= (uint64_t)up << ((bit + j) % 64);
    }
}

static void compute(struct lcs *lcs)
{
    size_t width = lcs->b.size + 1;
    uint32_t *row = lcs->rows;
    uint32_t *above = lcs->rows + width;
    for (size_t i = 1; i <= lcs->a.size; i++) {
        uint32_t *swap = above;
        above = row;
        row = swap;
        compute_row(lcs, i, above, row);
    }
    lcs->length = row[lcs->b.size];
}

static bool goes_up(const struct lcs *lcs, size_t i, size_t j)
{
    uint64_t bit = i * (lcs->b.size + 1) + j;
    return lcs->is_up[bit / 64] >> (bit % 64) & 1;
}

/* Walks back one step from (i, j) to where it came from; true when that was a common byte. */
static bool step_back(const struct lcs *lcs, size_t *i, size_t *j)
{
    if (lcs->a.data[*i - 1] == lcs->b.data[*j - 1]) {
        --*i;
        --*j;
        return true;
    }
    if (goes_up(lcs, *i, *j))
        --*i;
    else
        --*j;
    return false;
}

static void reply_sequence(struct call *call, const struct lcs *lcs)
{
    char *sequence = mem_try_alloc(lcs->length + 1);
    if (!sequence) {
        reply_error(call->reply,
                    "ERR Insufficient memory, failed allocating transient memory for LCS");
        return;
    }
    size_t left = lcs->length;
    for (size_t i = lcs->a.size, j = lcs->b.size; i > 0 && j > 0 && left > 0;)
        if (step_back(lcs, &i, &j))
            sequence[--left] = lcs->a.data[i];
    reply_bulk(call->reply, sequence, lcs->length);
    mem_free(sequence);
}

/* A run of common bytes, a[i..i+length) and b[j..j+length). */
static bool reply_range(struct call *call, const struct lcs_options *options, size_t i, size_t j,
                        size_t length)
{
    if ((int64_t)length < options->range_length_min)
        return false;
    reply_array(call->reply, options->wants_range_length ? 3 : 2);
    reply_array(call->reply, 2);
    reply_integer(call->reply, (int64_t)i);
    reply_integer(call->reply, (int64_t)(i + length - 1));
    reply_array(call->reply, 2);
    reply_integer(call->reply, (int64_t)j);
    reply_integer(call->reply, (int64_t)(j + length - 1));
    if (options->wants_range_length)
        reply_integer(call->reply, (int64_t)length);
    return true;
}

static void reply_ranges(struct call *call, const struct lcs *lcs,
                         const struct lcs_options *options)
{
    reply_map(call->reply, 2);
    reply_bulk_text(call->reply, "matches");
    struct reply_mark mark = reply_defer(call->reply);
    int64_t ranges = 0;
    size_t run = 0;
    size_t i = lcs->a.size;
    size_t j = lcs->b.size;
    while (i > 0 && j > 0) {
        size_t run_i = i;
        size_t run_j = j;
        if (step_back(lcs, &i, &j)) {
            run++;
        } else if (run) {
            ranges += reply_range(call, options, run_i, run_j, run);
            run = 0;
        }
    }
    if (run)
        ranges += reply_range(call, options, i, j, run);
    reply_defer_array(call->reply, mark, ranges);
    reply_bulk_text(call->reply, "len");
    reply_integer(call->reply, lcs->length);
}

static void lcs_command(struct call *call)
{
    struct lcs_options options = {0};
    struct lcs lcs = {0};
    char scratch[2][NUMBER_I64_TEXT_MAX];
    if (!find_strings(call, &lcs, scratch) || !parse_options(call, &options))
        return;
    if (prepare(call, &lcs, !options.only_length)) {
        compute(&lcs);
        if (options.only_length)
            reply_integer(call->reply, lcs.length);
        else if (options.wants_ranges)
            reply_ranges(call, &lcs, &options);
        else
            reply_sequence(call, &lcs);
    }
    mem_free(lcs.rows);
    mem_free(lcs.is_up);
}

const struct command_spec lcs_commands[] = {
    {.name = "lcs",
     .handler = lcs_command,
     .arity = -3,
     .flags = COMMAND_READONLY,
     .categories = CATEGORY_STRING,
     .keys = {KEY_RANGE(KEY_RO | KEY_ACCESS, 1, 1)}},
    {0},
};
