/* What each number that INFO prints is, for Prometheus: INFO itself does not tell. Pure, any
 * thread. */
#ifndef OBSERVABILITY_METRICS_TYPES_H
#define OBSERVABILITY_METRICS_TYPES_H

#include "base/bytes.h"
#include <stdbool.h>

enum metric_type { METRIC_UNKNOWN, METRIC_GAUGE, METRIC_COUNTER, METRIC_TEXT };

/* `family` is empty for a line of one value; "io_thread" and the like for those of several. */
enum metric_type metric_type_of(struct bytes family, struct bytes field);
/* Whether the lists are sorted. */
bool metric_types_check(void);

#endif
