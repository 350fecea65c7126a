/* What DEBUG sets of RESTORE. Main thread. */
#ifndef COMMANDS_DUMP_H
#define COMMANDS_DUMP_H

#include <stdbool.h>

/* DEBUG SET-SKIP-CHECKSUM-VALIDATION: RESTORE takes payloads whatever their checksum. */
void dump_skip_checksum(bool skips);

#endif
