/** The package comes without types. */
declare module "proxy-from-env" {
  /** The value of the variable that applies, or `""`; a value without a scheme gets that of the URL. */
  export function getProxyForUrl(url: string): string;
}
