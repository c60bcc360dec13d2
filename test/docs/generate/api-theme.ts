import type { DeclarationReflection, PageEvent, Reflection, SignatureReflection } from "typedoc";
import { type MarkdownPageEvent, MarkdownTheme, MarkdownThemeContext } from "typedoc-plugin-markdown";

/** The plugin's theme, less what the signature in a code block has said already. */
export class ApiTheme extends MarkdownTheme {
  override getRenderContext(page: PageEvent<Reflection>): MarkdownThemeContext {
    return new ApiContext(this, page as MarkdownPageEvent<Reflection>, this.application.options);
  }
}

interface SignatureOptions {
  hideTitle?: boolean | undefined;
  accessor?: string | undefined;
}

class ApiContext extends MarkdownThemeContext {
  constructor(...given: ConstructorParameters<typeof MarkdownThemeContext>) {
    super(...given);
    this.partials.signature = this.#signature.bind(this);
    this.partials.accessor = this.#accessor.bind(this);
    this.partials.inheritance = () => "";
    this.partials.hierarchy = () => "";
  }

  /** The signature, what it does, what is to know about its parameters and its result, and what it throws. */
  #signature(model: SignatureReflection, { hideTitle = false, accessor }: SignatureOptions) {
    const { comment, parameters = [] } = model;
    const documented = parameters.filter((parameter) => parameter.comment?.hasVisibleComponent());
    const parts = [
      hideTitle ? "" : this.partials.signatureTitle(model, accessor === undefined ? {} : { accessor }),
      this.#text(comment?.summary),
      documented.map(({ name, comment }) => `- \`${name}\`: ${this.#text(comment?.summary)}`).join("\n"),
      ...(comment?.getTags("@returns") ?? []).map(({ content }) => `**Returns** ${this.#text(content)}`),
      ...(comment?.getTags("@throws") ?? []).map(({ content }) => `**Throws** ${this.#text(content)}`),
    ];
    return parts.filter((part) => part !== "").join("\n\n");
  }

  /** As the property that it is to its user. */
  #accessor({ name, getSignature }: DeclarationReflection) {
    const type = this.partials.someType(getSignature?.type).replace(/\[(`[^`]*`)\]\([^)]*\)/g, "$1");
    const title = `\`\`\`ts\nreadonly ${name}: ${type.replaceAll("`", "").replaceAll("\\", "")};\n\`\`\``;
    return `${title}\n\n${this.#text(getSignature?.comment?.summary)}`;
  }

  #text(parts: Parameters<typeof this.helpers.getCommentParts>[0] = []): string {
    return this.helpers.getCommentParts(parts).trim();
  }
}
