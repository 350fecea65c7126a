/* Times to live as arguments: EX, PX, EXAT and PXAT of SET and GETEX, and the EXPIRE family. Main
 * thread. */
#ifndef COMMANDS_EXPIRE_TIME_H
#define COMMANDS_EXPIRE_TIME_H

#include "dispatch/call.h"

struct expire_unit {
    bool is_seconds;
    bool is_absolute;
};

/* argv[index] as a wall-clock time in ms; false with the error written. Zero and less are refused
 * when `must_be_positive`. */
bool expire_time_parse(struct call *call, int index, struct expire_unit unit, bool must_be_positive,
                       int64_t *when_ms);
/* True when a key given this time would be deleted instead of set to expire. */
bool expire_time_is_past(const struct call *call, int64_t when_ms);
/* Deletes the key of argv[1] because its new time is past: events, dirty, DEL or UNLINK propagated.
 */
void expire_time_delete(struct call *call, struct key key);
/* Gives the key this time: event, dirty, PEXPIREAT propagated. */
void expire_time_set(struct call *call, struct key key, struct entry *entry, int64_t when_ms);

#endif
