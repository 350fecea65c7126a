/* Several listeners behind the keyspace's one observer. The mask of what anybody wants is kept in
 * the observer, so an event that nobody wants still costs one test. Main thread. */
#include "base/assert.h"
#include "keyspace/keyspace.h"

static void tell_listeners(void *context, const struct key_event *event)
{
    const struct keyspace *keyspace = context;
    struct key_listener *next;
    for (struct key_listener *listener = keyspace->listeners; listener; listener = next) {
        next = listener->next;
        if (listener->interest & event->kinds)
            listener->on_event(listener, event);
    }
}

static void sum_interest(struct keyspace *keyspace)
{
    unsigned kinds = 0;
    for (const struct key_listener *each = keyspace->listeners; each; each = each->next)
        kinds |= each->interest;
    keyspace_set_interest(keyspace, kinds);
}

void keyspace_add_listener(struct keyspace *keyspace, struct key_listener *listener)
{
    assert(listener->on_event != NULL);
    struct key_listener **tail = &keyspace->listeners;
    while (*tail)
        tail = &(*tail)->next;
    listener->next = NULL;
    *tail = listener;
    keyspace_set_observer(keyspace, &(struct keyspace_observer){tell_listeners, keyspace, 0});
    sum_interest(keyspace);
}

void keyspace_remove_listener(struct keyspace *keyspace, struct key_listener *listener)
{
    for (struct key_listener **at = &keyspace->listeners; *at; at = &(*at)->next) {
        if (*at != listener)
            continue;
        *at = listener->next;
        sum_interest(keyspace);
        return;
    }
    panic("a listener that was never added is removed");
}

void keyspace_listen(struct keyspace *keyspace, struct key_listener *listener, unsigned kinds)
{
    if (listener->interest == kinds)
        return;
    listener->interest = kinds;
    sum_interest(keyspace);
}
