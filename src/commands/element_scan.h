/* What SCAN, HSCAN, SSCAN and ZSCAN have in common: cursor, options, and the entries of a dict.
 * Main thread. */
#ifndef COMMANDS_ELEMENT_SCAN_H
#define COMMANDS_ELEMENT_SCAN_H

#include "dispatch/call.h"
#include "structures/dict.h"

struct element_scan {
    uint64_t cursor;
    struct bytes pattern; /* data NULL: everything */
    int64_t count;
    bool omits_values; /* NOVALUES */
    bool has_type;     /* TYPE */
    int type;          /* -1: one that nothing has */
    void **entries;    /* of the dict, by element_scan_dict */
    size_t entry_count;
    size_t capacity;
};

/* Options that not all have. */
enum { ELEMENT_SCAN_NOVALUES = 1 << 0, ELEMENT_SCAN_TYPE = 1 << 1 };

/* The cursor at `index`; false with the error written. */
bool element_scan_begin(struct call *call, int index, struct element_scan *scan);
/* MATCH, COUNT, and what else is `allowed`, from `index` on. */
bool element_scan_options(struct call *call, int index, struct element_scan *scan,
                          unsigned allowed);
/* Gathers entries and moves the cursor on. */
void element_scan_dict(struct element_scan *scan, const struct dict *dict);
void element_scan_end(struct element_scan *scan);
/* True when the pattern takes the name. */
bool element_scan_wants(const struct element_scan *scan, struct bytes name);
/* "*2", the cursor, and a mark for the array of elements. */
struct reply_mark element_scan_reply(struct call *call, const struct element_scan *scan);
/* The answer for a key that is absent. */
void element_scan_reply_nothing(struct call *call);

#endif
