/* See notifications.h. */
#include "pubsub/notifications.h"

#include "base/assert.h"
#include "base/memory.h"
#include "keyspace/db.h"
#include <stdio.h>
#include <string.h>

unsigned notifications_interest(unsigned classes)
{
    if (!(classes & (KEY_CLASS_KEYSPACE | KEY_CLASS_KEYEVENT)))
        return 0;
    return KEY_NOTIFY | (classes & KEY_CLASS_KEY_MISS ? KEY_MISSED : 0);
}

/* "__keyspace@0__:" and a name. */
static void publish(struct channels *channels, const char *prefix, int db, struct bytes name,
                    struct bytes message)
{
    enum { PREFIX_MAX = 32, STACK_MAX = 512 };
    char on_stack[STACK_MAX];
    size_t size_max = PREFIX_MAX + name.size;
    char *text = size_max <= STACK_MAX ? on_stack : mem_alloc(size_max);
    int size = snprintf(text, PREFIX_MAX, "__%s@%d__:", prefix, db);
    assert(size > 0 && size < PREFIX_MAX);
    if (name.size)
        memcpy(text + size, name.data, name.size);
    channels_publish(channels, CHANNEL_PLAIN, bytes_of(text, (size_t)size + name.size), message);
    if (text != on_stack)
        mem_free(text);
}

void notifications_publish(struct channels *channels, unsigned classes,
                           const struct key_event *event)
{
    if (!(event->kinds & (KEY_NOTIFY | KEY_MISSED)) || !(event->notify_class & classes) ||
        channels->subscribers == 0)
        return;
    struct bytes name = bytes_of_text(event->notify_name);
    if (classes & KEY_CLASS_KEYSPACE)
        publish(channels, "keyspace", event->db->index, event->key, name);
    if (classes & KEY_CLASS_KEYEVENT)
        publish(channels, "keyevent", event->db->index, name, event->key);
}
