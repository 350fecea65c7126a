/* See mailbox.h. The producer's backlog is a plain array used as a queue. [X] */
#include "io/mailbox.h"

#include "base/memory.h"
#include <string.h>

void mailbox_init(struct mailbox *mailbox, struct wakeup *consumer)
{
    memset(mailbox, 0, sizeof(*mailbox));
    spsc_init(&mailbox->ring, MAILBOX_CAPACITY, sizeof(struct message));
    mailbox->consumer = consumer;
}

void mailbox_deinit(struct mailbox *mailbox)
{
    spsc_deinit(&mailbox->ring);
    mem_free(mailbox->backlog);
    mailbox->backlog = NULL;
}

static bool try_push(struct mailbox *mailbox, const struct message *message)
{
    struct message *slot = spsc_reserve(&mailbox->ring);
    if (!slot)
        return false;
    *slot = *message;
    spsc_push(&mailbox->ring);
    return true;
}

/* Moves what still waits to the front, so that a backlog that never empties does not creep. */
static void compact_backlog(struct mailbox *mailbox)
{
    uint32_t left = mailbox->backlog_count - mailbox->backlog_first;
    memmove(mailbox->backlog, mailbox->backlog + mailbox->backlog_first,
            left * sizeof(*mailbox->backlog));
    mailbox->backlog_first = 0;
    mailbox->backlog_count = left;
}

static void push_backlog(struct mailbox *mailbox, const struct message *message)
{
    if (mailbox->backlog_count == mailbox->backlog_capacity &&
        mailbox->backlog_first > mailbox->backlog_count / 2)
        compact_backlog(mailbox);
    if (mailbox->backlog_count == mailbox->backlog_capacity) {
        mailbox->backlog_capacity =
            mailbox->backlog_capacity ? mailbox->backlog_capacity * 2 : 1024;
        mailbox->backlog =
            mem_realloc(mailbox->backlog, mailbox->backlog_capacity * sizeof(*mailbox->backlog));
    }
    mailbox->backlog[mailbox->backlog_count++] = *message;
}

void mailbox_send(struct mailbox *mailbox, struct message message)
{
    if (mailbox->backlog_count == 0 && try_push(mailbox, &message))
        return;
    push_backlog(mailbox, &message);
}

static void drain_backlog(struct mailbox *mailbox)
{
    while (mailbox->backlog_first < mailbox->backlog_count &&
           try_push(mailbox, &mailbox->backlog[mailbox->backlog_first]))
        mailbox->backlog_first++;
    if (mailbox->backlog_first == mailbox->backlog_count)
        mailbox->backlog_first = mailbox->backlog_count = 0;
}

bool mailbox_publish(struct mailbox *mailbox)
{
    if (mailbox->backlog_count)
        drain_backlog(mailbox);
    if (spsc_has_unpublished(&mailbox->ring)) {
        spsc_publish(&mailbox->ring);
        if (mailbox->consumer && wakeup_signal(mailbox->consumer))
            mailbox->signals++;
    }
    return mailbox->backlog_count == 0;
}
