/* Which of two versions is the later. PEP 440, as pyproject.toml has them */
#ifndef VOICE_VERSION_H
#define VOICE_VERSION_H

/* Under 0 if `a` is the earlier, 0 for the same, over 0 if it is the later. What is no version is the
 * earliest. */
int version_compare(const char *a, const char *b);

#endif
