/* The life of a session: opened, served, closed in every state, peers that vanish; nothing is
 * leaked and CLOSED comes exactly once. */
#include "client/session.h"

#include "session_rig.h"

TestSuite(session, .init = set_up, .timeout = 60);

Test(session, opens_serves_and_closes_when_the_peer_does)
{
    EACH_BACKEND(b)
    {
        open_session(backends[b]);
        rig_send_text(&rig, "*1\r\n$4\r\nPING\r\n");
        RIG_UNTIL(&rig, rig.batch);
        cr_assert_eq(rig.batch->count, 1);
        cr_assert(bytes_is(rig.batch->first->argv[0], "PING"));
        cr_assert_eq(rig.batch->first->size, 14);
        cr_assert_eq(rig.resolved, 1);
        rig_answer(&rig);
        rig_expect(&rig, "+OK\r\n");
        rig_drop_peer(&rig);
        RIG_UNTIL(&rig, rig.closed);
        cr_assert_eq(rig.outcome,
                     OUTCOME_CLOSED_TRUNCATED == rig.outcome ? rig.outcome : OUTCOME_CLOSED_CLEAN);
        rig_forget(&rig);
        rig_shut(&rig);
    }
}

Test(session, a_peer_that_closes_its_half_gets_the_replies_to_all_it_sent)
{
    EACH_BACKEND(b)
    {
        open_session(backends[b]);
        /* More than one batch, all of it on its way before the first turn. */
        for (int i = 0; i < 300; i++)
            rig_send_text(&rig, "PING\r\n");
        shutdown(rig.peer, SHUT_WR);
        unsigned requests = 0;
        while (requests < 300) {
            RIG_UNTIL(&rig, rig.batch || rig.closed);
            cr_assert_eq(rig.closed, 0, "%u requests were lost", 300 - requests);
            requests += rig.batch->count;
            rig_turns(&rig, 3); /* time to notice the end too early */
            rig_answer(&rig);
        }
        for (int i = 0; i < 300; i++)
            rig_expect(&rig, "+OK\r\n");
        RIG_UNTIL(&rig, rig.closed);
        rig_forget(&rig);
        rig_shut(&rig);
    }
}

Test(session, a_blocked_client_that_leaves_is_noticed)
{
    EACH_BACKEND(b)
    {
        open_session(backends[b]);
        rig_send_text(&rig, "BLPOP\r\n");
        RIG_UNTIL(&rig, rig.batch);
        rig_post(&rig, (struct message){.type = SESSION_HELD, .a = rig.session});
        rig_turns(&rig, 2);
        cr_assert_eq(rig.closed, 0);
        rig_drop_peer(&rig);
        RIG_UNTIL(&rig, rig.closed);
        rig_forget(&rig);

        /* The end came first, the news that the client is blocked later. */
        rig_lend(&rig, LEND_AUTHENTICATED);
        rig_send_text(&rig, "BLPOP\r\n");
        rig_drop_peer(&rig);
        RIG_UNTIL(&rig, rig.batch);
        rig_turns(&rig, 3);
        cr_assert_eq(rig.closed, 0);
        rig_post(&rig, (struct message){.type = SESSION_HELD, .a = rig.session});
        RIG_UNTIL(&rig, rig.closed);
        rig_forget(&rig);
        rig_shut(&rig);
    }
}

Test(session, an_idle_end_does_not_keep_the_loop_busy)
{
    EACH_BACKEND(b)
    {
        open_session(backends[b]);
        rig_send_text(&rig, "PING\r\n");
        shutdown(rig.peer, SHUT_WR);
        RIG_UNTIL(&rig, rig.batch);
        rig_turns(&rig, 10);
        cr_assert_not(loop_has_ready(rig.thread.loop));
        uint64_t waits = loop_stats(rig.thread.loop)->waits;
        rig_turns(&rig, 10);
        cr_assert_geq(loop_stats(rig.thread.loop)->waits, waits + 9);
        rig_answer(&rig);
        rig_expect(&rig, "+OK\r\n");
        RIG_UNTIL(&rig, rig.closed);
        rig_forget(&rig);
        rig_shut(&rig);
    }
}

/* -- closing in every state -- */

enum state {
    STATE_UNOPENED,
    STATE_IDLE,
    STATE_HALF_REQUEST,
    STATE_HALF_LARGE,
    STATE_IN_FLIGHT,
    STATE_IN_FLIGHT_AND_MORE,
    STATE_UNPARSED,
    STATE_OUTPUT_WAITS,
    STATE_COUNT
};

static void bring_to(enum state state)
{
    rig_lend(&rig, LEND_AUTHENTICATED);
    if (state == STATE_UNOPENED)
        return;
    RIG_UNTIL(&rig, rig.opened);
    switch (state) {
    case STATE_UNOPENED:
    case STATE_IDLE:
    case STATE_COUNT:
        break;
    case STATE_HALF_REQUEST:
        rig_send_text(&rig, "*2\r\n$4\r\nECHO\r\n$5\r\nhal");
        RIG_UNTIL(&rig, rig.meters.bytes_in > 0);
        break;
    case STATE_HALF_LARGE:
        rig_send_text(&rig, "*3\r\n$4\r\nMSET\r\n$40000\r\n");
        for (int i = 0; i < 4001; i++)
            rig_send_text(&rig, i == 4000 ? "\r\n$50000\r\nhalf" : "0123456789");
        RIG_UNTIL(&rig, rig.meters.bytes_in > 40000 + 30);
        break;
    case STATE_IN_FLIGHT:
        rig_send_text(&rig, "PING\r\n");
        RIG_UNTIL(&rig, rig.batch);
        break;
    case STATE_IN_FLIGHT_AND_MORE:
        rig_send_text(&rig, "PING\r\n");
        RIG_UNTIL(&rig, rig.batch);
        rig_send_text(&rig, "PING\r\nPING\r\n*1\r\n$4\r\nPI");
        RIG_UNTIL(&rig, rig.meters.bytes_in >= 24);
        break;
    case STATE_UNPARSED:
        for (int i = 0; i < 3 * REQUEST_BATCH_COUNT_MAX; i++)
            rig_send_text(&rig, "PING\r\n");
        RIG_UNTIL(&rig, rig.batch);
        rig_turns(&rig, 3);
        break;
    case STATE_OUTPUT_WAITS:
        push_output(3 << 20); /* beyond what the window and the socket hold */
        rig_turns(&rig, 5);
        cr_assert_gt(rig.meters.output_size, 0);
        break;
    }
}

static void drain_peer(void)
{
    static char sink[65536];
    for (int turns = 0; !rig.closed; turns++) {
        cr_assert(turns < 20000, "never closed");
        while (rig.peer >= 0 && rig_receive(&rig, sink, sizeof(sink)) > 0)
            continue;
        rig_turn(&rig);
    }
}

enum way { WAY_NOW, WAY_AFTER_OUTPUT, WAY_AFTER_THEN_NOW, WAY_PEER_VANISHES, WAY_STOP, WAY_COUNT };

static void end_by(enum way way)
{
    /* Before OPENED main knows no session and cannot close: it waits for OPENED. */
    if (!rig.session && way != WAY_STOP && way != WAY_PEER_VANISHES)
        RIG_UNTIL(&rig, rig.opened);
    switch (way) {
    case WAY_NOW:
        rig_close(&rig, CONNECTION_CLOSE_NOW);
        break;
    case WAY_AFTER_OUTPUT:
        rig_close(&rig, CONNECTION_CLOSE_AFTER_OUTPUT);
        break;
    case WAY_AFTER_THEN_NOW:
        rig_close(&rig, CONNECTION_CLOSE_AFTER_OUTPUT);
        rig_turns(&rig, 2);
        if (!rig.closed)
            rig_close(&rig, CONNECTION_CLOSE_NOW);
        break;
    case WAY_PEER_VANISHES:
        rig_drop_peer(&rig);
        if (rig.batch) /* its end counts once the replies are out */
            rig_answer(&rig);
        break;
    case WAY_STOP:
        session_host_stop(rig.thread.owner);
        ((struct session_host *)rig.thread.owner)->is_stopping = false; /* the rig goes on */
        break;
    case WAY_COUNT:
        break;
    }
    for (int turns = 0; way == WAY_PEER_VANISHES && !rig.closed; turns++) {
        cr_assert(turns < 20000, "never closed");
        if (rig.batch)
            rig_answer(&rig);
        rig_turn(&rig);
    }
    drain_peer();
    rig_forget(&rig);
}

Test(session, closes_once_and_leaks_nothing_in_every_state)
{
    EACH_BACKEND(b)
    {
        rig_open(&rig, backends[b]);
        /* One round to fill the pools. */
        for (int round = 0; round < 3; round++) {
            size_t used = mem_used();
            for (int state = 0; state < STATE_COUNT; state++) {
                for (int way = 0; way < WAY_COUNT; way++) {
                    bring_to((enum state)state);
                    end_by((enum way)way);
                    cr_assert_eq(((struct session_host *)rig.thread.owner)->count, 0);
                }
            }
            cr_assert(round < 2 || mem_used() <= used, "%zu bytes were left", mem_used() - used);
        }
        rig_shut(&rig);
    }
}

Test(session, replies_after_the_end_are_dropped_and_come_home)
{
    EACH_BACKEND(b)
    {
        open_session(backends[b]);
        rig_send_text(&rig, "PING\r\n");
        RIG_UNTIL(&rig, rig.batch);
        rig_close(&rig, CONNECTION_CLOSE_NOW);
        RIG_UNTIL(&rig, rig.closed);
        unsigned spent = rig.spent;
        rig_answer(&rig); /* main answered before it read CLOSED */
        push_output(100000);
        rig_turns(&rig, 2);
        cr_assert_gt(rig.spent, spent, "main's chunks came back");
        rig_forget(&rig);
        rig_shut(&rig);
    }
}

Test(session, a_session_that_cannot_be_opened_is_closed_at_once)
{
    rig_open(&rig, LOOP_BACKEND_EPOLL);
    rig_lend(&rig, LEND_TLS); /* there is no TLS context */
    RIG_UNTIL(&rig, rig.closed);
    cr_assert_eq(rig.opened, 0);
    cr_assert_eq(rig.outcome, OUTCOME_CLOSED_BY_US);
    char byte;
    cr_assert_eq(rig_receive(&rig, &byte, 1), 0);
    rig_forget(&rig);

    session_host_stop(rig.thread.owner);
    rig_lend(&rig, 0); /* too late */
    RIG_UNTIL(&rig, rig.closed);
    cr_assert_not(session_host_stop(rig.thread.owner));
    rig_forget(&rig);
    cr_assert(session_host_stop(rig.thread.owner));
    rig_shut(&rig);
}

/* Main keeps them until the session has left: they are not lost when the thread is stopped first.
 */
Test(session, a_stop_waits_for_replies_that_a_recall_holds_back)
{
    EACH_BACKEND(b)
    {
        open_session(backends[b]);
        rig_send_text(&rig, "PING\r\n");
        RIG_UNTIL(&rig, rig.batch);
        rig_post(&rig, (struct message){.type = SESSION_RECALL, .a = rig.session});
        cr_assert_not(session_host_stop(rig.thread.owner));
        RIG_UNTIL(&rig, rig.returned || rig.closed);
        cr_assert_eq(rig.closed, 0);
        cr_assert(session_host_stop(rig.thread.owner), "it has left");

        rig_post(&rig, (struct message){.type = SESSION_ADOPT, .a = rig.session});
        rig_answer(&rig);
        rig_expect(&rig, "+OK\r\n");
        RIG_UNTIL(&rig, rig.closed);
        rig_forget(&rig);
        rig_shut(&rig);
    }
}

Test(session, settings_reach_sessions_that_exist)
{
    open_session(LOOP_BACKEND_EPOLL);
    rig_settings(&rig, 1000);
    cr_assert_eq(rig.session->limits.query_size_max, 1000);
    cr_assert_eq(rig.session->limits.bulk_size_max, 512 << 20);
    rig_post(&rig, (struct message){.type = SESSION_LIMITS, .a = rig.session, .value = 0});
    cr_assert_eq(rig.session->limits.is_authenticated, 0);
    rig_close(&rig, CONNECTION_CLOSE_NOW);
    RIG_UNTIL(&rig, rig.closed);
    rig_forget(&rig);
    rig_shut(&rig);
}
