/* The table of notification and tracking options. */
#include "pubsub/pubsub_options.h"

#include <limits.h>

#include "base/option_rows.h"
#include "keyspace/observer.h"

/* What 'A' stands for. */
#define CLASS_ALL                                                                                  \
    (KEY_CLASS_GENERIC | KEY_CLASS_STRING | KEY_CLASS_LIST | KEY_CLASS_SET | KEY_CLASS_HASH |      \
     KEY_CLASS_ZSET | KEY_CLASS_EXPIRED | KEY_CLASS_EVICTED | KEY_CLASS_STREAM | KEY_CLASS_MODULE)

struct event_letter {
    char letter;
    unsigned bits;
};

/* In the order in which CONFIG GET shows them. */
static const struct event_letter letters[] = {
    {'A', CLASS_ALL},          {'g', KEY_CLASS_GENERIC},  {'$', KEY_CLASS_STRING},
    {'l', KEY_CLASS_LIST},     {'s', KEY_CLASS_SET},      {'h', KEY_CLASS_HASH},
    {'z', KEY_CLASS_ZSET},     {'x', KEY_CLASS_EXPIRED},  {'e', KEY_CLASS_EVICTED},
    {'t', KEY_CLASS_STREAM},   {'d', KEY_CLASS_MODULE},   {'n', KEY_CLASS_NEW},
    {'K', KEY_CLASS_KEYSPACE}, {'E', KEY_CLASS_KEYEVENT}, {'m', KEY_CLASS_KEY_MISS},
};

enum { LETTER_COUNT = sizeof letters / sizeof letters[0] };

static int set_events(void *settings, int argc, const struct bytes *argv, struct buffer *error)
{
    struct pubsub_settings *pubsub = settings;
    unsigned events = 0;
    if (argc != 1) {
        buffer_append_text(error, "wrong number of arguments");
        return -1;
    }
    for (size_t i = 0; i < argv[0].size; i++) {
        int index = 0;
        while (index < LETTER_COUNT && letters[index].letter != argv[0].data[i])
            index++;
        if (index == LETTER_COUNT) {
            buffer_append_text(error, "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
            return -1;
        }
        events |= letters[index].bits;
    }
    pubsub->notify_keyspace_events = events;
    return 0;
}

static void get_events(const void *settings, struct buffer *out)
{
    unsigned left = ((const struct pubsub_settings *)settings)->notify_keyspace_events;
    for (int i = 0; i < LETTER_COUNT; i++) {
        if ((left & letters[i].bits) != letters[i].bits)
            continue;
        buffer_append(out, &letters[i].letter, 1);
        left &= ~letters[i].bits;
    }
}

static const struct option rows[] = {
    OPTION_ROW_CUSTOM("notify-keyspace-events", NULL, 0, "\"\"", set_events, get_events, NULL),
    OPTION_ROW_INT(pubsub_settings, tracking_table_max_keys, "tracking-table-max-keys", NULL, 0,
                   "1000000", 0, LONG_MAX),
};

OPTION_GROUP(pubsub_options, "pubsub", rows, NULL);
