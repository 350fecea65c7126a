/* See client_pause.h. */
#include "client/client_pause.h"

void client_pause_start(struct client_pause *pause, enum client_pause_mode mode, int64_t until_ms)
{
    if (pause->mode == CLIENT_PAUSE_NONE || (int)mode > pause->mode)
        pause->mode = (int)mode;
    if (until_ms > pause->until_ms)
        pause->until_ms = until_ms;
}

void client_pause_end(struct client_pause *pause)
{
    pause->mode = CLIENT_PAUSE_NONE;
    pause->until_ms = 0;
    pause->is_over = pause->waiting > 0;
}

enum client_pause_mode client_pause_check(struct client_pause *pause, int64_t now_ms)
{
    if (pause->mode != CLIENT_PAUSE_NONE && now_ms >= pause->until_ms)
        client_pause_end(pause);
    return (enum client_pause_mode)pause->mode;
}
