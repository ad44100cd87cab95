/*
 * template - a tag as build.yml or --tag writes it, in what a tag can use of Go's text/template.
 *
 * Text, {{.Hash}} with white space around it, comments, and the trim marks "{{- " and " -}}", which take the
 * white space before or behind away.  Whatever else Go has (functions, variables, conditions) is INVALID.
 */
#ifndef LK_TEMPLATE_H
#define LK_TEMPLATE_H

#include "common/base/buf.h"
#include "common/base/err.h"

/* Appends what `text` becomes. */
int lk_template_expand(struct lk_str text, const char *hash, struct lk_buf *out,
                       struct lk_err *err);

#endif
