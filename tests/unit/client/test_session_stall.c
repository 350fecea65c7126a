/* A client that is being closed and takes nothing of its output: dropped after a while, at whatever
 * layer the bytes wait; one that takes some is waited for. The clock is the test's. */
#include "client/session.h"

#include "../../support/sim_clock.h"
#include "session_rig.h"

enum { MS = 1000, LARGE = 4 << 20, SMALL = 100 * 1024 };

TestSuite(session_stall, .init = set_up, .timeout = 60);

/* A session with `size` bytes of output on their way, which is to be closed after them. */
static void open_closing(enum loop_backend backend, size_t size)
{
    open_session(backend);
    int room = 8192;
    setsockopt(connection_fd(rig.session->connection), SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    push_output(size);
    rig_turns(&rig, 5);
    rig_close(&rig, CONNECTION_CLOSE_AFTER_OUTPUT);
    rig_turns(&rig, 5);
    cr_assert_eq(rig.session->output.head != NULL, size == LARGE,
                 "the small one waits in the connection");
}

static void pass_time(int64_t ms)
{
    sim_clock_advance(ms * MS);
    rig_turns(&rig, 5);
}

static size_t receive(size_t maximum)
{
    static char got[1 << 16];
    size_t total = 0;
    while (total < maximum) {
        size_t wanted = maximum - total < sizeof(got) ? maximum - total : sizeof(got);
        ssize_t count = rig_receive(&rig, got, wanted);
        if (count <= 0)
            break;
        total += (size_t)count;
    }
    return total;
}

static void end(void)
{
    rig_forget(&rig);
    rig_shut(&rig);
}

static const size_t sizes[] = {SMALL, LARGE};

Test(session_stall, who_takes_nothing_is_dropped)
{
    EACH_BACKEND(b)
    {
        for (int i = 0; i < 2; i++) {
            open_closing(backends[b], sizes[i]);
            pass_time(SESSION_STALL_MS - 100);
            cr_assert_eq(rig.closed, 0);
            pass_time(200);
            RIG_UNTIL(&rig, rig.closed);
            cr_assert_eq(rig.outcome, OUTCOME_CLOSED_BY_US);
            end();
        }
    }
}

/* A few bytes in each period are enough, however long it takes; then it stops. */
Test(session_stall, who_takes_some_is_waited_for)
{
    EACH_BACKEND(b)
    {
        open_closing(backends[b], LARGE);
        for (int i = 0; i < 8; i++) {
            size_t count = 0;
            for (int turns = 0; count < 100000 && turns < 1000; turns++) {
                count += receive(100000 - count);
                rig_turn(&rig);
            }
            cr_assert_eq(count, 100000);
            pass_time(SESSION_STALL_MS - 100);
            cr_assert_eq(rig.closed, 0, "after %d periods", i);
        }
        pass_time(SESSION_STALL_MS + 100);
        pass_time(SESSION_STALL_MS + 100);
        RIG_UNTIL(&rig, rig.closed);
        end();
    }
}

Test(session_stall, who_takes_all_gets_all)
{
    EACH_BACKEND(b)
    {
        for (int i = 0; i < 2; i++) {
            open_closing(backends[b], sizes[i]);
            size_t total = 0;
            for (int turns = 0; !rig.closed; turns++) {
                cr_assert_lt(turns, 20000);
                total += receive(SIZE_MAX);
                rig_turn(&rig);
            }
            total += receive(SIZE_MAX);
            cr_assert_gt(total, sizes[i]);
            end();
        }
    }
}
