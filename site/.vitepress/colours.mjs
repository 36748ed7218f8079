/* How code is coloured, in light and in dark: few colours, as in a printed book. Each is readable
 * (4.5 to 1 or more) on the background of a block, and on that of a line that comes or goes. */
const SCOPES = {
    comment: ['comment', 'punctuation.definition.comment'],
    string: ['string', 'constant.character'],
    number: ['constant.numeric', 'constant.language'],
    keyword: ['keyword.control', 'storage.modifier', 'keyword.operator.sizeof',
        'keyword.control.directive', 'punctuation.definition.directive'],
    type: ['storage.type', 'support.type', 'entity.name.type'],
    function: ['entity.name.function', 'support.function'],
};

function theme(type, background, foreground, palette) {
    const settings = Object.entries(palette).map(([what, colour]) => ({
        scope: SCOPES[what],
        settings: {foreground: colour, fontStyle: what === 'comment' ? 'italic' : ''},
    }));
    return {
        name: `freeram-${type}`, type,
        colors: {'editor.background': background, 'editor.foreground': foreground},
        settings: [{settings: {background, foreground}}, ...settings],
    };
}

export const colours = {
    light: theme('light', '#f7f5f0', '#24211c', {
        comment: '#4f6354', string: '#8a3b12', number: '#8a3b12', keyword: '#7a2255',
        type: '#1d5573', function: '#24408c',
    }),
    dark: theme('dark', '#1d1e20', '#dcd8cf', {
        comment: '#93a897', string: '#e0a57c', number: '#e0a57c', keyword: '#dd97bd',
        type: '#86bfdc', function: '#a3b7f2',
    }),
};
