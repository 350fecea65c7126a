/* The directives of TLS as rows of the configuration, over struct tls_settings. Main thread.
 *
 * `apply` is empty: putting changes into force concerns every thread, so the composition root
 * registers a copy of this group with an apply of its own (build N contexts, swap all or none). Its
 * reply on failure is tls_apply_error. Works in a build without TLS too. */
#ifndef IO_TLS_OPTIONS_H
#define IO_TLS_OPTIONS_H

#include "base/option.h"
#include "io/tls_context.h"

extern const struct option_group tls_option_group;
extern const char tls_apply_error[]; /* "Unable to update TLS configuration. Check server logs." */

/* True when a changed option concerns what contexts are built from (certificates, ciphers, ...),
 * so that new ones are needed; false when only limits or names changed. */
bool tls_options_need_contexts(const struct option_changes *changes);
/* True when both say the same of what contexts are built from; files count by their names. */
bool tls_options_give_same_contexts(const struct tls_settings *a, const struct tls_settings *b);

#endif
