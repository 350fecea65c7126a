/* A blocked or paused client whose input has filled all there is: its leaving is noticed. The clock
 * is the test's. */
#include "client/session.h"

#include "../../support/sim_clock.h"
#include "session_rig.h"

TestSuite(session_deaf, .init = set_up, .timeout = 60);

enum { COMMANDS = 3 * REQUEST_BATCH_COUNT_MAX };

/* One batch with main, the next one full, and more behind it. */
static void fill(enum loop_backend backend)
{
    open_session(backend);
    for (int i = 0; i < COMMANDS; i++)
        rig_send_text(&rig, "PING\r\n");
    RIG_UNTIL(&rig, rig.batch && rig.session->is_reading_paused);
}

static void hold(void)
{
    rig_post(&rig, (struct message){.type = SESSION_HELD, .a = rig.session});
}

static void pass_time(void)
{
    sim_clock_advance((SESSION_DEAF_MS + 1) * 1000);
    rig_turns(&rig, 5);
}

Test(session_deaf, who_leaves_while_held_is_noticed)
{
    EACH_BACKEND(b)
    {
        for (int is_half = 0; is_half < 2; is_half++) {
            fill(backends[b]);
            hold();
            for (int i = 0; i < 3; i++)
                pass_time();
            cr_assert_eq(rig.closed, 0, "it is still there");
            if (is_half)
                shutdown(rig.peer, SHUT_WR);
            else
                rig_drop_peer(&rig);
            pass_time();
            RIG_UNTIL(&rig, rig.closed);
            rig_forget(&rig);
            rig_shut(&rig);
        }
    }
}

/* Answered meanwhile, it gets all its replies. */
Test(session_deaf, who_is_served_is_heard)
{
    EACH_BACKEND(b)
    {
        fill(backends[b]);
        hold();
        pass_time();
        unsigned requests = 0;
        for (bool is_first = true; requests < COMMANDS; is_first = false) {
            RIG_UNTIL(&rig, rig.batch || rig.closed);
            cr_assert_eq(rig.closed, 0);
            requests += rig.batch->count;
            rig_answer(&rig);
            if (is_first)
                shutdown(rig.peer, SHUT_WR);
            pass_time();
        }
        for (int i = 0; i < COMMANDS; i++)
            rig_expect(&rig, "+OK\r\n");
        RIG_UNTIL(&rig, rig.closed);
        rig_forget(&rig);
        rig_shut(&rig);
    }
}
