/* CLIENT PAUSE: the stricter mode and the later end win, the end comes with time. */
#include "client/client_pause.h"

#include <criterion/criterion.h>

Test(client_pause, ends_with_time)
{
    struct client_pause pause = {0};
    cr_assert_eq(client_pause_check(&pause, 0), CLIENT_PAUSE_NONE);
    client_pause_start(&pause, CLIENT_PAUSE_WRITE, 1000);
    cr_assert_eq(client_pause_check(&pause, 999), CLIENT_PAUSE_WRITE);
    cr_assert_eq(client_pause_check(&pause, 1000), CLIENT_PAUSE_NONE);
    cr_assert_eq(client_pause_check(&pause, 500), CLIENT_PAUSE_NONE, "over is over");
}

Test(client_pause, the_stricter_mode_stays)
{
    struct client_pause pause = {0};
    client_pause_start(&pause, CLIENT_PAUSE_ALL, 1000);
    client_pause_start(&pause, CLIENT_PAUSE_WRITE, 2000);
    cr_assert_eq(client_pause_check(&pause, 1500), CLIENT_PAUSE_ALL);
    cr_assert_eq(client_pause_check(&pause, 2000), CLIENT_PAUSE_NONE);
    client_pause_start(&pause, CLIENT_PAUSE_WRITE, 3000);
    cr_assert_eq(client_pause_check(&pause, 2500), CLIENT_PAUSE_WRITE,
                 "of the last pause, nothing");
    client_pause_start(&pause, CLIENT_PAUSE_ALL, 2600);
    cr_assert_eq(client_pause_check(&pause, 2900), CLIENT_PAUSE_ALL, "a pause never shortens");
}

Test(client_pause, unpause)
{
    struct client_pause pause = {0};
    client_pause_start(&pause, CLIENT_PAUSE_ALL, 1000);
    client_pause_end(&pause);
    cr_assert_eq(client_pause_check(&pause, 10), CLIENT_PAUSE_NONE);
    client_pause_start(&pause, CLIENT_PAUSE_WRITE, 500);
    cr_assert_eq(client_pause_check(&pause, 499), CLIENT_PAUSE_WRITE);
    cr_assert_eq(client_pause_check(&pause, 501), CLIENT_PAUSE_NONE, "the old end is forgotten");
}
