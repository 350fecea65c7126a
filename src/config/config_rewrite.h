/* What loading tells the rewriter. Not for other folders. Main thread. */
#ifndef CONFIG_CONFIG_REWRITE_H
#define CONFIG_CONFIG_REWRITE_H

#include "config/config_table.h"

/* Identifies a file's content. */
uint64_t config_digest(struct bytes content);
/* Notes every option's value as what the files give, to be compared with at CONFIG REWRITE. */
void config_remember_file_values(struct config *config);

#endif
