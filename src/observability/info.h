/* INFO: the registered sections and which of them an INFO command wants. Main thread. */
#ifndef OBSERVABILITY_INFO_H
#define OBSERVABILITY_INFO_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/info_section.h"

enum { INFO_SECTIONS_MAX = 64, INFO_RESETS_MAX = 32, INFO_SIZE_MAX = 64 * 1024 * 1024 };

struct info;

struct info *info_create(void);
void info_destroy(struct info *info);
/* Section and context outlive the info. Two sections may share a title: the second one's fields
 * then continue the first one's (same position and name). */
void info_register(struct info *info, const struct info_section *section, const void *context);
/* Appends what INFO with these section names prints. No names: the default ones. */
void info_write(const struct info *info, int argc, const struct bytes *argv, struct buffer *out);

/* CONFIG RESETSTAT: functions that set the counters of modules back, called by info_reset in the
 * order of registration. */
void info_on_reset(struct info *info, void (*reset)(void *context), void *context);
void info_reset(struct info *info);

#endif
