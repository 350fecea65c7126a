/* INFO and the commands' latency as text for Prometheus (exposition format 0.0.4:
 * https://prometheus.io/docs/instrumenting/exposition_formats/). Pure, any thread.
 *
 * Every number that INFO prints becomes a sample named redis_<field>, a counter or a gauge as
 * metrics_types.h says (counters end in _total); of lines with fields of their own
 * ("cmdstat_get:calls=1,usec=2", "db0:keys=3", "io_thread_1:...") each field becomes one, with a
 * label for what the line is about: redis_command_calls_total{cmd="get"}, redis_db_keys{db="0"},
 * redis_io_thread_reads_total{thread="1"}, redis_keysizes{db="0",of="strings_sizes",from="16"}.
 * Words become redis_text{field="role",value="master"} 1. Forms for people ("used_memory_human")
 * are left out.
 */
#ifndef OBSERVABILITY_METRICS_H
#define OBSERVABILITY_METRICS_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "observability/info_sources.h"

enum { METRICS_SIZE_MAX = 64 * 1024 * 1024 };

/* Appends the samples of what INFO printed, grouped by name as the format demands. */
void metrics_write_info(struct bytes info, struct buffer *out);
/* Appends redis_command_duration_seconds, a histogram by command. Main thread. */
void metrics_write_latency(const struct info_sources *sources, struct buffer *out);

#endif
