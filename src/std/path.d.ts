export function join(...parts: string[]): string;
