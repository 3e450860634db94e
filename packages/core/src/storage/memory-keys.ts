export const pair = (a: string, b: string | number): string => JSON.stringify([a, b]);
