/* Reading the text of INFO. No state; any thread. */
#ifndef TOOLS_CLI_INFO_TEXT_H
#define TOOLS_CLI_INFO_TEXT_H

#include "base/bytes.h"
#include <stdint.h>

/* What stands behind "name:" at the start of a line, up to the line's end; data NULL when absent.
 */
struct bytes info_field(const char *info, const char *name);
/* That as a number, up to a comma or the line's end; 0 when absent or something else. */
int64_t info_number(const char *info, const char *name);
double info_decimal(const char *info, const char *name);
/* The number behind "name=" in "a=1,b=2"; 0 when absent. */
int64_t info_part(struct bytes value, const char *name);
/* The keys of all databases ("db0:keys=12,expires=0,..."). */
int64_t info_key_count(const char *info);
/* "1.50M", "12B" */
void info_format_memory(char *text, size_t size, int64_t bytes);

#endif
