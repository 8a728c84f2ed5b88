/**
 * The README's table of options.
 *
 * @module
 */

import {
  optionGroups,
  optionMeaning,
  optionNames,
  optionPlaceholder,
} from "../src/options/help.ts";

/** All options as Markdown: one table for each group of `--help`. */
export function optionsMarkdown(): string {
  return optionGroups().map(([heading, options]) => {
    const rows = options.map(([name, option]) => {
      const names = optionNames(name, option);
      const placeholder = optionPlaceholder(option);
      const last = `${names.pop()} ${placeholder}`.trimEnd();
      const term = [...names, last].map((text) => `\`${cell(text)}\``).join(
        ", ",
      );
      return `| ${term} | ${cell(optionMeaning(option))} |\n`;
    });
    return `| ${heading} | |\n| --- | --- |\n${rows.join("")}`;
  }).join("\n");
}

/** Text that cannot end its cell or start a tag. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}
