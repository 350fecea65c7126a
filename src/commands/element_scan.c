/* See element_scan.h. Main thread. */
#include "commands/element_scan.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

enum {
    COUNT_DEFAULT = 10,
    STEPS_FACTOR = 10, /* empty buckets that a call may visit, for each element asked for */
    ENTRIES_INITIAL = 32
};

bool element_scan_begin(struct call *call, int index, struct element_scan *scan)
{
    *scan = (struct element_scan){.count = COUNT_DEFAULT};
    return call_cursor(call, index, &scan->cursor);
}

bool element_scan_options(struct call *call, int index, struct element_scan *scan, unsigned allowed)
{
    for (int i = index; i < call->argc; i++) {
        bool has_value = i + 1 < call->argc;
        if (has_value && call_is(call, i, "count")) {
            if (!call_integer(call, ++i, &scan->count, NULL))
                return false;
            if (scan->count < 1)
                return call_syntax_error(call);
        } else if (has_value && call_is(call, i, "match")) {
            scan->pattern = call->argv[++i];
            if (bytes_equal(scan->pattern, BYTES_LITERAL("*")))
                scan->pattern = bytes_of(NULL, 0);
        } else if (has_value && (allowed & ELEMENT_SCAN_TYPE) && call_is(call, i, "type")) {
            struct bytes name = call->argv[++i];
            scan->has_type = true;
            scan->type = value_type_of_name(name.data, name.size);
        } else if (call_is(call, i, "novalues")) {
            if (!(allowed & ELEMENT_SCAN_NOVALUES)) {
                reply_error(call->reply, "ERR NOVALUES option can only be used in HSCAN");
                return false;
            }
            scan->omits_values = true;
        } else {
            return call_syntax_error(call);
        }
    }
    return true;
}

static void collect(void *context, void *entry)
{
    struct element_scan *scan = context;
    if (scan->entry_count == scan->capacity) {
        scan->capacity = scan->capacity ? scan->capacity * 2 : ENTRIES_INITIAL;
        scan->entries = mem_realloc(scan->entries, scan->capacity * sizeof(scan->entries[0]));
    }
    scan->entries[scan->entry_count++] = entry;
}

void element_scan_dict(struct element_scan *scan, const struct dict *dict)
{
    uint64_t wanted = (uint64_t)scan->count;
    uint64_t steps = wanted > UINT64_MAX / STEPS_FACTOR ? UINT64_MAX : wanted * STEPS_FACTOR;
    do {
        scan->cursor = dict_scan(dict, scan->cursor, collect, scan);
    } while (scan->cursor && --steps && scan->entry_count < wanted);
}

void element_scan_end(struct element_scan *scan)
{
    mem_free(scan->entries);
    scan->entries = NULL;
}

bool element_scan_wants(const struct element_scan *scan, struct bytes name)
{
    return !scan->pattern.data || text_glob_match(scan->pattern, name, false);
}

struct reply_mark element_scan_reply(struct call *call, const struct element_scan *scan)
{
    char digits[NUMBER_I64_TEXT_MAX];
    reply_array(call->reply, 2);
    reply_bulk(call->reply, digits, number_format_u64(digits, scan->cursor));
    return reply_defer(call->reply);
}

void element_scan_reply_nothing(struct call *call)
{
    reply_array(call->reply, 2);
    reply_bulk_text(call->reply, "0");
    reply_array(call->reply, 0);
}
